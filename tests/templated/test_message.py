"""The message: who it goes to, in which language, by which mailer, whole links."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from django.test import RequestFactory
from django.utils import translation

from django_mailplus.message.snapshot import restore, take
from django_mailplus.templated import TemplatedEmail, render_mail
from django_mailplus.testing import SentMail

ONE = (
    "{% load i18n tz %}{% block subject %}{% get_current_language as l %}{{ l }}{% endblock %}"
    "{% block body %}<p>{{ user.username }} {{ email }} {{ name }}</p>{% endblock %}"
)


@pytest.fixture(autouse=True)
def welcome(templates):
    templates("mail/welcome.html", ONE)


def user(**values):
    return get_user_model()(username="ann", email="ann@example.com", **values)


@pytest.mark.parametrize("to", ["", " ", ["ann@example.com", ""]])
def test_an_empty_address_is_said(to):
    with pytest.raises(ValueError, match="is empty"):
        TemplatedEmail("welcome", to=to)


def test_it_is_an_ordinary_message():
    message = TemplatedEmail(
        "welcome",
        {"name": "Ann"},
        to="ann@example.com",
        cc=["bob@example.com"],
        from_email="shop@example.com",
        headers={"X-Order": "1"},
    )
    assert isinstance(message, EmailMultiAlternatives)
    assert message.recipients() == ["ann@example.com", "bob@example.com"]
    assert message.send() == 1
    [sent] = mail.outbox
    assert sent.from_email == "shop@example.com"
    assert sent.extra_headers["X-Order"] == "1"
    assert sent.body == "ann@example.com Ann\n"
    assert sent.alternatives[0][1] == "text/html"


def test_render_mail_gives_djangos_own_class():
    message = render_mail("welcome", to="ann@example.com")
    assert not isinstance(message, TemplatedEmail)
    assert message.send() == 1


@pytest.mark.parametrize(
    ("to", "addresses", "body"),
    [
        ("ann@example.com", ["ann@example.com"], "ann@example.com"),
        (user(), ["ann@example.com"], "ann ann@example.com"),
        ([user()], ["ann@example.com"], "ann ann@example.com"),
        (["a@example.com", user()], ["a@example.com", "ann@example.com"], ""),
        (None, [], ""),
        ((), [], ""),
    ],
)
def test_who_it_goes_to(to, addresses, body):
    message = TemplatedEmail("welcome", to=to)
    assert message.to == addresses
    assert message.body.strip() == body


def test_the_context_can_name_another_user():
    message = TemplatedEmail("welcome", {"user": None, "email": "x"}, to=user())
    assert message.body == "x\n"


def test_a_user_without_an_address_is_an_error():
    with pytest.raises(ValueError, match="A User is to get a mail and has no address"):
        TemplatedEmail("welcome", to=get_user_model()(username="ann"))
    with pytest.raises(ValueError, match="SimpleNamespace"):
        TemplatedEmail("welcome", to=SimpleNamespace(name="ann"))


def test_nobody_to_go_to_is_said():
    message = TemplatedEmail("welcome")
    with pytest.raises(ValueError, match=r"^TemplatedEmail has nobody to go to\."):
        message.send()
    # A list is meant, also an empty one.
    assert TemplatedEmail("welcome", to=[]).send() == 0
    assert TemplatedEmail("welcome", bcc=["ann@example.com"]).send() == 1
    message.to = ["ann@example.com"]
    assert message.send() == 1


def test_using_names_the_mailer(with_mailers):
    locmem = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
    with_mailers({"default": locmem, "news": locmem})
    message = TemplatedEmail("welcome", to="ann@example.com", using="nowhere")
    with pytest.raises(mail_error(), match="nowhere"):
        message.send()
    message.send(using="news")
    TemplatedEmail("welcome", to="ann@example.com", using="news").send()
    TemplatedEmail("welcome", to="ann@example.com").send()
    sent_by = [SentMail.of(each).using for each in mail.outbox]
    assert sent_by == ["news", "news", "default"]


def mail_error():
    from django_mailplus.mail import MailerDoesNotExist

    return MailerDoesNotExist


# The reader's language and clock


def test_the_language_is_given_or_the_users_or_the_active_one(settings):
    assert TemplatedEmail("welcome", to=user()).subject == "en-us"
    settings.MAILPLUS = {"RECIPIENT_LANGUAGE": "profile.language"}
    ann = user()
    ann.profile = SimpleNamespace(language="de")
    with translation.override("fr"):
        assert TemplatedEmail("welcome", to=ann).subject == "de"
        assert TemplatedEmail("welcome", to=ann, language="es").subject == "es"
        assert TemplatedEmail("welcome", to=user()).subject == "fr"
        assert TemplatedEmail("welcome", to=[ann, user()]).subject == "fr"
        assert translation.get_language() == "fr"


def test_the_attribute_may_be_a_method_and_may_know_nothing(settings):
    settings.MAILPLUS = {"RECIPIENT_LANGUAGE": "get_language"}
    ann = user()
    ann.get_language = lambda: "nl"
    assert TemplatedEmail("welcome", to=ann).subject == "nl"
    ann.get_language = lambda: None
    assert TemplatedEmail("welcome", to=ann).subject == "en-us"


def test_the_time_zone_is_the_users(settings, templates):
    settings.MAILPLUS = {"RECIPIENT_TIME_ZONE": "zone"}
    templates("mail/when.html", "{% block subject %}{{ at|date:'H:i' }}{% endblock %}")
    at = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    ann = user()
    ann.zone = "Asia/Tokyo"
    assert TemplatedEmail("when", {"at": at}, to=ann).subject == "21:00"
    ann.zone = "Mars/Olympus"
    with pytest.raises(ImproperlyConfigured, match="'Mars/Olympus', which is no time"):
        TemplatedEmail("when", {"at": at}, to=ann)


# Links


@pytest.fixture
def links(templates):
    templates(
        "mail/links.html",
        "{% load mailplus %}{% block subject %}S{% endblock %}{% block body %}"
        '<a href="/a/?x=1&amp;y=2">a</a><a href="//cdn.example.com/b">b</a>'
        "<a href='/c/'>c</a><img src=\"/d.png\" alt='d'><a href=\"mailto:x@example.com\">e</a>"
        '<a href="{% absolute_url "login" %}">f</a><a href="#g">g</a><b data-x="/h/">h</b>'
        '{% absolute_url "password_reset_confirm" uidb64="MQ" token="t" as url %}{{ url }}'
        "{% endblock %}",
    )


def test_every_link_is_whole(links):
    [(html, _)] = render_mail("links").alternatives
    for expected in (
        'href="https://shop.example.com/a/?x=1&amp;y=2"',
        'href="//cdn.example.com/b"',
        'href="https://shop.example.com/c/"',
        'src="https://shop.example.com/d.png"',
        'href="mailto:x@example.com"',
        'href="https://shop.example.com/accounts/login/"',
        'href="#g"',
        'data-x="/h/"',
        "https://shop.example.com/accounts/reset/MQ/t/",
    ):
        assert expected in html.replace("='", '="').replace("'>", '">')


def test_where_links_begin(links, settings):
    settings.MAILPLUS = {}
    request = RequestFactory().get("/", headers={"host": "testserver"})
    [(html, _)] = render_mail("links", request=request).alternatives
    assert "http://testserver/a/" in html
    [(html, _)] = render_mail("links", base_url="https://b.example").alternatives
    assert "https://b.example/a/" in html
    with pytest.raises(
        ImproperlyConfigured, match="no address to put before the links"
    ):
        render_mail("links")


def test_a_mail_without_links_needs_no_address_of_the_site(settings):
    settings.MAILPLUS = {}
    assert render_mail("welcome", {"name": "Ann"}).body == "Ann\n"


def test_site_name_and_site_url(templates, settings):
    templates(
        "mail/site.html",
        "{% load i18n %}{% block subject %}{{ site_name }}|{{ site_url }}{% endblock %}"
        "{% block text %}{% blocktranslate %}by {{ site_name }}{% endblocktranslate %}"
        "{% if site_name %}!{% endif %}{% endblock %}",
    )
    assert render_mail("site").body == "by shop.example.com!\n"
    assert render_mail("site").subject == "shop.example.com|https://shop.example.com/"
    message = render_mail("site", {"site_name": "Fern", "site_url": "x"})
    assert message.subject == "Fern|x"


# Through an outbox


def test_a_snapshot_keeps_what_it_says_and_not_what_it_was_made_of():
    message = TemplatedEmail(
        "welcome", {"name": object()}, to="ann@example.com", using="news"
    )
    document = json.loads(json.dumps(take(message).document))
    restored = restore(document, {}.__getitem__)
    assert restored.body == message.body
    assert "using" not in json.dumps(document)
    # Which template it was, an inbox and a test behind an outbox still know.
    assert restored.mailplus_origin["template"] == "mail/welcome.html"


@pytest.mark.parametrize("make", [TemplatedEmail, render_mail])
def test_recipients_that_come_only_once_all_get_it(templates, make):
    templates("mail/once.html", "{% block subject %}S{% endblock %}")
    people = ("ann@example.com", "bob@example.com")
    assert make("once", to=(one for one in people)).to == [*people]


@pytest.mark.parametrize(
    "language", ["../../other", "de\0", "x" * 500, 5, b"de", ["de"]]
)
def test_a_language_that_is_none_leads_to_no_template(templates, settings, language):
    settings.MAILPLUS = {"RECIPIENT_LANGUAGE": "language"}
    templates("mail/hello.html", "{% block subject %}S{% endblock %}")
    templates("other.html", "{% block subject %}Other{% endblock %}")
    user = SimpleNamespace(email="ann@example.com", language=language)
    with pytest.raises(ImproperlyConfigured, match="which is no language"):
        TemplatedEmail("hello", to=user)
    with pytest.raises(ImproperlyConfigured, match="which is no language"):
        TemplatedEmail("hello", language=language)


@pytest.mark.parametrize("zone", [5, b"UTC", "Europe", "../../etc/passwd", "a\0"])
def test_a_time_zone_that_is_none(templates, settings, zone):
    settings.MAILPLUS = {"RECIPIENT_TIME_ZONE": "zone"}
    templates("mail/hello.html", "{% block subject %}S{% endblock %}")
    user = SimpleNamespace(email="ann@example.com", zone=zone)
    with pytest.raises(ImproperlyConfigured, match="which is no time zone"):
        TemplatedEmail("hello", to=user)
