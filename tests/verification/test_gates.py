"""Doors that open for people with a verified address, and for them alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.template import Context, Template
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.views import View
from verification_stage import make_user, newest_link, queries

from django_mailplus.verification import (
    send_verification_email,
    verify_email_address,
)
from django_mailplus.verification.gates import (
    VerifiedEmailLoginMixin,
    VerifiedEmailRequiredMixin,
    verified_email_not_required,
    verified_email_required,
)
from django_mailplus.verification.models import EmailAddress


@verified_email_required
def plain(request):
    return HttpResponse("in")


@verified_email_required
async def asynchronous(request):
    return HttpResponse("in")


@verified_email_required(raise_exception=True)
def strict(request):
    return HttpResponse("in")


@verified_email_required(raise_exception=True)
async def strict_asynchronous(request):
    return HttpResponse("in")


class Based(VerifiedEmailRequiredMixin, View):
    def get(self, request):
        return HttpResponse("in")


class AsynchronousBased(VerifiedEmailRequiredMixin, View):
    async def get(self, request):
        return HttpResponse("in")


class StrictBased(Based):
    raise_exception = True


def call(view, request):
    return (async_to_sync(view) if iscoroutinefunction(view) else view)(request)


FORGIVING = [
    plain,
    asynchronous,
    pytest.param(Based.as_view(), id="based"),
    pytest.param(AsynchronousBased.as_view(), id="asynchronous based"),
]
STRICT = [strict, strict_asynchronous, StrictBased.as_view()]


@pytest.fixture
def ask(rf):
    def ask(view, user):
        request = rf.get("/secret/?page=2")
        request.user = user
        return call(view, request)

    return ask


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", FORGIVING)
def test_who_may_pass(ask, view, user):
    page = ask(view, AnonymousUser())
    assert page.headers["Location"] == "/accounts/login/?next=/secret/%3Fpage%3D2"
    page = ask(view, user)
    assert (page.status_code, page.headers["Location"]) == (302, "/verify/sent/")
    verify_email_address(user)
    assert ask(view, user).content == b"in"
    user.email = "other@example.com"
    assert ask(view, user).status_code == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", STRICT)
def test_no_for_scripts(ask, view, user):
    for somebody in (AnonymousUser(), user):
        with pytest.raises(PermissionDenied, match="verified email address"):
            ask(view, somebody)
    verify_email_address(user)
    assert ask(view, user).content == b"in"


def test_a_view_keeps_its_name():
    assert plain.__name__ == "plain"
    assert asynchronous.__name__ == "asynchronous"


def test_passing_costs_one_query(ask, user):
    verify_email_address(user)
    with queries() as captured:
        ask(plain, user)
    assert len(captured()) == 1
    with queries() as captured:
        ask(plain, AnonymousUser())
    assert captured() == []


# --- The middleware


def page(request):
    return HttpResponse("page")


@verified_email_not_required
def terms(request):
    return HttpResponse("terms")


@verified_email_not_required
async def help_page(request):
    return HttpResponse("help")


@login_not_required
def front(request):
    return HttpResponse("front")


@method_decorator(verified_email_not_required, name="dispatch")
class Imprint(View):
    def get(self, request):
        return HttpResponse("imprint")


@verified_email_required
@verified_email_not_required
def both(request):
    return HttpResponse("both")


def urls():
    import site_urls

    return [
        path("page/", page),
        path("async/", asynchronous),
        path("terms/", terms),
        path("help/", help_page),
        path("front/", front),
        path("imprint/", Imprint.as_view()),
        path("both/", both),
        path("based/", verified_email_not_required(View.as_view())),
        *site_urls.urlpatterns,
    ]


@pytest.fixture
def gated(settings):
    class Urls:
        urlpatterns = urls()

    settings.ROOT_URLCONF = Urls
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_mailplus.verification.middleware.VerifiedEmailMiddleware",
    ]
    return settings


def test_the_middleware_stops_the_unverified(gated, client, user):
    assert client.get("/page/").content == b"page"  # nobody logged in
    client.force_login(user)
    assert client.get("/page/").headers["Location"] == "/verify/sent/"
    assert client.get("/terms/").content == b"terms"
    assert client.get("/based/").status_code == 405
    verify_email_address(user)
    assert client.get("/page/").content == b"page"


@pytest.mark.parametrize("name", ["terms", "help", "front", "imprint"])
def test_the_middleware_passes_what_is_marked(gated, client, user, name):
    client.force_login(user)
    assert client.get(f"/{name}/").content == name.encode()


def test_an_exemption_does_not_open_the_decorator(gated, client, user):
    client.force_login(user)
    assert client.get("/both/").headers["Location"] == "/verify/sent/"
    verify_email_address(user)
    assert client.get("/both/").content == b"both"


@pytest.mark.django_db(transaction=True)
def test_the_middleware_in_an_asynchronous_server(gated, async_client, user):
    get = async_to_sync(async_client.get)
    assert get("/page/").content == b"page"
    async_client.force_login(user)
    for name in ("page", "async"):
        assert get(f"/{name}/").headers["Location"] == "/verify/sent/"
    assert get("/help/").content == b"help"
    verify_email_address(user)
    assert get("/page/").content == b"page"
    assert get("/async/").content == b"in"


def test_a_user_without_an_address_goes_round_in_no_circle(gated, client):
    client.force_login(make_user("nobody", ""))
    page = client.get("/page/", follow=True)
    assert page.redirect_chain == [("/verify/sent/", 302)]
    assert page.status_code == 200


@pytest.mark.parametrize(
    "name", ["sent/", "resend/", "code/", "done/", "change/", "report/x/y/", "x/y/"]
)
def test_the_middleware_leaves_the_way_out_open(gated, client, user, name):
    client.force_login(user)
    assert client.get(f"/verify/{name}").status_code in (200, 410)


@pytest.mark.parametrize(
    "name",
    ["resend/", "done/", "report/x/y/", "change/x/y/", "cancel/x/y/", "x/y/"],
)
def test_a_closed_site_keeps_these_pages_open(gated, client, name):
    gated.MIDDLEWARE = [
        *gated.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert client.get("/page/").status_code == 302
    assert client.get(f"/verify/{name}").status_code in (200, 410)


def test_a_closed_site_lets_people_in_by_their_link(gated, visitor, user):
    gated.MIDDLEWARE = [
        *gated.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    send_verification_email(user, base_url="https://shop.example.com")
    done = visitor.press(newest_link())  # not logged in
    assert (done.status_code, done.request["PATH_INFO"]) == (200, "/verify/done/")
    assert visitor.open("/page/").status_code == 302
    visitor.client.force_login(user)
    assert visitor.open("/page/").content == b"page"


# --- The login form


class Form(VerifiedEmailLoginMixin, AuthenticationForm):
    pass


class PatientForm(Form):
    grace_period = timedelta(days=3)


def errors(form_class, user):
    form = form_class(data={"username": user.get_username(), "password": "secret"})
    form.is_valid()
    return [error.code for error in form.errors.as_data().get("__all__", [])]


def test_the_login_form(user):
    assert errors(Form, user) == ["unverified"]
    verify_email_address(user)
    assert errors(Form, user) == []


def test_the_login_form_with_patience(user):
    assert errors(PatientForm, user) == []
    user.date_joined = timezone.now() - timedelta(days=4)
    user.save()
    assert errors(PatientForm, user) == ["unverified"]


def test_the_login_form_refuses_what_django_refuses(user):
    verify_email_address(user)
    user.is_active = False
    user.save()
    assert errors(Form, user) in (["invalid_login"], ["inactive"])


def test_the_login_form_without_a_date_joined():
    class Somebody:
        pk = None
        is_active = True

    form = PatientForm()
    with pytest.raises(Exception, match="Confirm your email"):
        form.confirm_login_allowed(Somebody())


def test_the_login_form_with_a_date_joined_that_is_not_set(user):
    user.date_joined = None
    with pytest.raises(ValidationError, match="Confirm your email"):
        PatientForm().confirm_login_allowed(user)


def test_the_login_form_without_time_zones(settings, user):
    settings.USE_TZ = False
    user.date_joined = datetime.now()  # noqa: DTZ005
    PatientForm().confirm_login_allowed(user)


def test_the_login_form_with_a_day_of_joining(user):
    user.date_joined = date.today()  # noqa: DTZ011
    PatientForm().confirm_login_allowed(user)


def test_the_login_form_tells_nothing_without_the_password(user):
    form = Form(data={"username": "ann", "password": "wrong"})
    assert [e.code for e in form.errors.as_data()["__all__"]] == ["invalid_login"]


# --- The template filter


def test_the_filter(user):
    template = Template("{% load mailplus %}{% if user|email_verified %}yes{% endif %}")
    for somebody in (user, AnonymousUser(), None, ""):
        assert template.render(Context({"user": somebody})) == ""
    verify_email_address(user)
    assert template.render(Context({"user": user})) == "yes"
    assert template.render(Context({"user": SimpleLazyObject(lambda: user)})) == "yes"
    assert EmailAddress.objects.count() == 1


def test_two_users_with_one_address(user):
    verify_email_address(user)
    other = make_user("other", "ann@example.com")
    assert verify_email_address(other) == "taken"
