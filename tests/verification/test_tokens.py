"""What a token proves: one address, one purpose, one user, for a while."""

from __future__ import annotations

import pytest
from django.contrib.auth.tokens import (
    PasswordResetTokenGenerator,
    default_token_generator,
)
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.http import base36_to_int, int_to_base36
from verification_stage import links_of, make_user, newest_link

from django_mailplus.verification import (
    check_verification_token,
    is_email_verified,
    send_verification_email,
    start_email_change,
    verify_email_address,
)
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.tokens import check_token, make_token

BASE = "https://shop.example.com"


@pytest.fixture
def row(user):
    row = EmailAddress.of(user, user.email)
    row.save()
    return row


def parts_of(url):
    return url.strip("/").split("/")[-2:]


def at(user, row, seconds, monkeypatch):
    """A token made so many seconds from now."""
    real = PasswordResetTokenGenerator._num_seconds
    with monkeypatch.context() as patch:
        patch.setattr(
            PasswordResetTokenGenerator,
            "_num_seconds",
            lambda self, now: real(self, now) + seconds,
        )
        return make_token(user, row)


def test_a_digit_cannot_move_from_the_address_into_the_time():
    user = make_user(email="1victim@example.com")
    token = default_token_generator.make_token(user)
    seconds, proof = token.split("-")
    shifted = int_to_base36(base36_to_int(seconds) * 10 + 1)
    user.email = "victim@example.com"
    row = EmailAddress.of(user, "victim@example.com")
    row.save()
    assert not check_token(user, row, f"{shifted}-{proof}")
    user.email = "1victim@example.com"
    bound = make_token(user, EmailAddress.of(user, user.email))
    seconds, proof = bound.split("-")
    shifted = int_to_base36(base36_to_int(seconds) * 10 + 1)
    user.email = "victim@example.com"
    row.nonce = EmailAddress.of(user, "").nonce
    assert not check_token(user, row, f"{shifted}-{proof}")


def test_nor_where_tokens_are_not_bound(settings):
    settings.MAILPLUS = {"VERIFICATION_BIND_TOKENS": False}
    user = make_user(email="1victim@example.com")
    send_verification_email(user, base_url=BASE)
    _, token = parts_of(newest_link())
    seconds, proof = token.split("-")
    forged = f"{int_to_base36(base36_to_int(seconds) * 10 + 1)}-{proof}"
    user.email = "victim@example.com"
    user.save()
    assert default_token_generator.check_token(user, forged)  # so it is up to us
    EmailAddress.of(user, user.email).save()
    assert check_verification_token(user, forged) is None


def test_a_verification_link_resets_no_password(user, visitor):
    send_verification_email(user, base_url=BASE)
    uid, token = parts_of(newest_link())
    page = visitor.open(f"/accounts/reset/{uid}/{token}/")
    assert "validlink" in page.context
    assert not page.context["validlink"]


@pytest.mark.parametrize("page", ["", "report/", "change/", "cancel/"])
def test_a_password_reset_link_verifies_nothing(user, visitor, page):
    send_verification_email(user, base_url=BASE)
    uid, _ = parts_of(newest_link())
    token = default_token_generator.make_token(user)
    assert visitor.open(f"/verify/{page}{uid}/{token}/").status_code == 410


def test_a_link_is_good_for_its_own_page_alone(user, visitor):
    verify_email_address(user)
    send_verification_email(user, base_url=BASE, force=True)
    start_email_change(user, "new@example.com", base_url=BASE)
    links = {}
    for message in mail.outbox:
        links |= {f"{message.to[0]} {k}": v for k, v in links_of(message).items()}
    assert sorted(links) == [
        "ann@example.com cancel",
        "ann@example.com report",
        "ann@example.com verify",
        "new@example.com change",
        "new@example.com report",
    ]
    pages = {
        "verify": "",
        "report": "report/",
        "change": "change/",
        "cancel": "cancel/",
    }
    for name, url in links.items():
        own = name.split()[1]
        for page, path in pages.items():
            status = visitor.open(
                "/verify/{}{}/{}/".format(path, *parts_of(url))
            ).status_code
            assert status == (200 if page == own else 410), (name, page)


def test_the_generator_never_sees_the_bare_user(user, row):
    class Spy(PasswordResetTokenGenerator):
        def _make_hash_value(self, subject, timestamp):
            seen.append((str(subject.pk), subject.last_login, subject.email))
            return super()._make_hash_value(subject, timestamp)

    seen = []
    make_token(user, row, generator=Spy())
    ((pk, last_login, email),) = seen
    assert pk.split("\0") == ["confirm:verify", str(user.pk), row.nonce, ""]
    assert last_login is None
    assert email.startswith("\0")


def test_a_generator_of_the_tutorials_is_bound_as_well(user, row):
    class Tutorial(PasswordResetTokenGenerator):
        def _make_hash_value(self, user, timestamp):
            return f"{user.pk}{timestamp}{user.is_active}"

    generator = Tutorial()
    token = make_token(user, row, generator=generator)
    assert check_token(user, row, token, generator=generator)
    row.nonce = "other"
    assert not check_token(user, row, token, generator=generator)


def test_a_view_of_ones_own_checks_with_the_generator_it_chose(user, settings):
    class Other(PasswordResetTokenGenerator):
        key_salt = "other"

    with pytest.raises(ImproperlyConfigured, match="cannot check the tokens"):
        send_verification_email(user, token_generator=Other(), base_url=BASE)
    url = "https://shop.example.com/activate/{{ uid }}/{{ token }}/"
    words = "{% block subject %}Activate{% endblock %}"
    words += f"{{% block text %}}{url}{{% endblock %}}"
    templates = {"mailplus/verification/mail/verify.html": words}
    loader = ("django.template.loaders.locmem.Loader", templates)
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [loader]},
        }
    ]
    send_verification_email(user, token_generator=Other(), base_url=BASE, force=True)
    _, token = parts_of(mail.outbox[-1].body.strip())
    assert check_verification_token(user, token) is None
    proved = check_verification_token(user, token, token_generator=Other())
    assert proved == "ann@example.com"


def test_a_date_to_come_is_refused(user, row, monkeypatch):
    hour, day = 3_600, 86_400
    assert check_token(user, row, at(user, row, 0, monkeypatch))
    assert check_token(user, row, at(user, row, 23 * hour, monkeypatch))
    ahead = at(user, row, 2 * day, monkeypatch)

    assert not check_token(user, row, ahead)


@pytest.mark.parametrize(
    ("ours", "reset", "age", "good"),
    [
        (3_600, 86_400, 3_500, True),
        (3_600, 86_400, 3_700, False),
        (86_400, 3_600, 3_500, True),
        (86_400, 3_600, 3_700, False),
    ],
)
def test_the_shorter_limit_counts(
    user, row, settings, monkeypatch, ours, reset, age, good
):
    settings.MAILPLUS = {"VERIFICATION_TIMEOUT": ours}
    settings.PASSWORD_RESET_TIMEOUT = reset
    assert check_token(user, row, at(user, row, -age, monkeypatch)) is good


def test_a_secret_key_that_was_replaced(user, row, settings):
    token = make_token(user, row)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "new"
    assert check_token(user, row, token, generator=PasswordResetTokenGenerator())
    settings.SECRET_KEY_FALLBACKS = []
    assert not check_token(user, row, token, generator=PasswordResetTokenGenerator())


@pytest.mark.parametrize(
    "token",
    ["", "-", "x", "zzzzzzzzzzzzzzzzzzzz-x", "1-2-3", "é-ü", "\0-\0", "9" * 5_000],
)
def test_what_is_no_token_is_refused(user, row, token):
    assert not check_token(user, row, token)


def test_unbound_tokens_are_those_of_the_generator(user, visitor, settings):
    settings.MAILPLUS = {"VERIFICATION_BIND_TOKENS": False}
    send_verification_email(user, base_url=BASE)
    _, token = parts_of(newest_link())
    assert default_token_generator.check_token(user, token)
    visitor.press(newest_link())
    assert is_email_verified(user)
    with pytest.raises(ImproperlyConfigured, match="VERIFICATION_BIND_TOKENS"):
        start_email_change(user, "new@example.com", base_url=BASE)
    with pytest.raises(ImproperlyConfigured, match="VERIFICATION_BIND_TOKENS"):
        send_verification_email(user, purpose="invoices", base_url=BASE)


def test_a_view_of_ones_own_gets_the_purpose_it_asks_for(user):
    send_verification_email(
        user, email="b@example.com", purpose="invoices", base_url=BASE
    )
    _, token = parts_of(newest_link())
    assert check_verification_token(user, token) is None
    proved = check_verification_token(user, token, purpose="invoices")
    assert proved == "b@example.com"


def test_an_address_of_another_purpose(user, visitor):
    send_verification_email(
        user, email="books@example.com", purpose="invoices", base_url=BASE
    )
    assert mail.outbox[0].to == ["books@example.com"]
    visitor.press(newest_link())
    assert is_email_verified(user, email="books@example.com", purpose="invoices")
    assert not is_email_verified(user)
    assert not is_email_verified(user, email="books@example.com")


def test_mistakes_in_the_call(user):
    with pytest.raises(TypeError, match="The user comes first"):
        send_verification_email(HttpRequest(), request=user)
    with pytest.raises(TypeError):
        send_verification_email(user, HttpRequest())
    with pytest.raises(ValueError, match="not saved"):
        send_verification_email(type(user)(email="x@example.com"))
    with pytest.raises(ValueError, match="start_email_change"):
        send_verification_email(user, email="other@example.com")
    with pytest.raises(ValueError, match="start_email_change"):
        send_verification_email(user, purpose="change")
    with pytest.raises(ValueError, match="30 characters"):
        send_verification_email(user, purpose="x" * 31)
    assert mail.outbox == []


def test_the_address_is_the_one_in_the_database(user):
    send_verification_email(user, email="ANN@example.COM", base_url=BASE)
    assert mail.outbox[0].to == ["ann@example.com"]
