"""Whatever is typed, pasted or cut off: never an error page, never a false proof."""

from __future__ import annotations

import base64
import string
from urllib.parse import quote

import pytest
from django.core import mail
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verification_stage import links_of, make_user

from django_mailplus.pages.showing import form_token
from django_mailplus.verification import is_email_verified, send_verification_email

BASE = "https://shop.example.com"
many = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PAGES = ["", "report/", "change/", "cancel/"]
segment = st.text(
    st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1
)
uid = segment | st.binary(min_size=1).map(
    lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")
)


@pytest.fixture
def client():
    return Client(raise_request_exception=True)


@pytest.fixture
def link(user):
    send_verification_email(user, base_url=BASE)
    return links_of(mail.outbox[-1])["verify"].removeprefix(BASE)


def both(client, path, **fields):
    answers = [client.get(path), client.post(path, fields)]
    answers.append(client.post(path, {"form_token": form_token(), **fields}))
    for answer in answers:
        assert answer.status_code < 500
    return answers


@many
@given(page=st.sampled_from(PAGES), uid=uid, token=segment)
def test_links(client, user, page, uid, token):
    both(client, f"/verify/{page}{quote(uid, safe='')}/{quote(token, safe='')}/")
    assert not is_email_verified(user)


@many
@given(data=st.data())
def test_a_link_with_one_character_changed(client, user, link, data):
    _, _, uid, token, _ = link.split("/")
    text = f"{uid}/{token}"
    where = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_"))
    changed = text[:where] + letter + text[where + 1 :]
    if changed != text and "/" in changed:
        both(client, f"/verify/{changed}/")
        # The last letter of base64 has bits that say nothing.
        same = (
            base64.urlsafe_b64decode(changed.split("/")[0] + "==")
            == str(user.pk).encode()
        )
        assert not is_email_verified(user) or (same and changed.endswith(token))
        if is_email_verified(user):
            user.mailplus_addresses.update(verified_at=None, verified_key=None)


@many
@given(
    next_url=st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(
        [
            "//evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\\evil.example",
            "https:evil.example",
            "http:///evil.example",
            "\x08//evil.example",
            "https://testserver@evil.example/",
        ]
    )
)
def test_next_never_leads_away(client, user, link, next_url):
    user.mailplus_addresses.update(verified_at=None, verified_key=None)
    answer = client.post(
        f"{link}?next={quote(next_url, safe='')}", {"form_token": form_token()}
    )
    assert answer.status_code == 302
    target = answer.headers["Location"]
    assert "evil.example" not in target.split("?")[0] or target.startswith("/verify")
    assert target.startswith(("/", "http://testserver")) or "//" not in target
    assert not target.startswith(("//", "/\\"))


@many
@given(
    page=st.sampled_from(["resend/", "code/", "sent/x/", "done/", "sent/"]),
    fields=st.dictionaries(
        st.sampled_from(["email", "code", "ticket", "form_token", "cancel", "next"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    ),
)
def test_forms(client, user, page, fields):
    both(client, f"/verify/{page}", **fields)
    assert not is_email_verified(user)


@many
@given(
    fields=st.fixed_dictionaries(
        {
            "email": st.emails() | st.text(st.characters(exclude_categories=["Cs"])),
            "password": st.just("secret") | st.text(),
        }
    )
)
def test_change(fields):
    user = make_user(name=f"u{id(fields)}", email="u@example.com")
    client = Client()
    client.force_login(user)
    answer = client.post("/verify/change/", fields)
    assert answer.status_code in (200, 302)
    user.refresh_from_db()
    assert user.email == "u@example.com"
    user.delete()
