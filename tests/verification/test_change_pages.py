"""Change of address: whoever is logged in asks for it and goes through with it."""

from __future__ import annotations

import pytest
from django.core import mail
from verification.changes import BASE, start
from verification_stage import make_user

from django_mailplus.verification.models import EmailAddress

pytestmark = pytest.mark.usefixtures("no_throttle")


def test_a_mistyped_new_address_does_not_hand_over_the_account(ann, visitor, settings):
    settings.LOGIN_URL = "/verify/done/"  # any page will do
    link = start(ann, "typo@example.com")["typo@example.com"]["change"]
    visitor.client.logout()
    page = visitor.press(link)
    path = link.removeprefix(BASE)
    assert page.redirect_chain == [(f"/verify/done/?next={path}", 302)]
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_somebody_else_who_is_logged_in_does_not_either(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    visitor.client.force_login(make_user("bob", "bob@example.com"))
    page = visitor.press(link)
    assert page.status_code == 200
    assert "logged in to another account" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_another_site_cannot_press_the_button(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    token = visitor.open(link).context["form_token"]
    assert visitor.send(link, form_token=token).status_code == 403
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_a_project_without_sessions(ann, visitor, settings):
    settings.MAILPLUS |= {"VERIFICATION_CHANGE_LOGIN": False}
    link = start(ann)["new@example.com"]["change"]
    visitor.client.logout()
    visitor.press(link)
    ann.refresh_from_db()
    assert ann.email == "new@example.com"


def test_the_page(ann, visitor):
    visitor.client.logout()
    page = visitor.open("/verify/change/")
    assert page.status_code == 302  # to the login
    visitor.client.force_login(ann)
    csrf = visitor.open("/verify/change/").context["csrf_token"]
    fields = {"email": "new@example.com", "csrfmiddlewaretoken": str(csrf)}
    page = visitor.send("/verify/change/", password="wrong", **fields)
    assert "not your password" in page.content.decode()
    assert mail.outbox == []
    page = visitor.send("/verify/change/", password="secret", **fields)
    assert "n…@example.com" in page.content.decode()
    assert len(mail.outbox) == 2
    page = visitor.open("/verify/change/")
    assert "new@example.com" in page.content.decode()
    visitor.send(
        "/verify/change/",
        cancel="yes",
        csrfmiddlewaretoken=str(page.context["csrf_token"]),
    )
    assert not EmailAddress.objects.filter(purpose="change").exists()


def test_the_page_insists_on_csrf(ann, visitor):
    visitor.client.force_login(ann)
    page = visitor.send("/verify/change/", email="new@example.com", password="secret")
    assert page.status_code == 403
    assert mail.outbox == []


def test_a_password_is_asked_of_whoever_has_one(visitor):
    user = make_user("sso", "sso@example.com")
    user.set_unusable_password()
    user.save()
    visitor.client.force_login(user)
    page = visitor.open("/verify/change/")
    assert "password" not in page.context["form"].fields
