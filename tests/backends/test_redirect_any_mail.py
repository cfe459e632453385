"""Whatever a mail is like, nobody real gets it, or is named to a server or an API.

What left is read where it arrived: by the SMTP server, and from what an API is told.
"""

from __future__ import annotations

import copy
import email
import email.policy
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving_server import MisbehavingServer

from django_mailplus.compat import get_mailer

pytest.importorskip("anymail", reason="no django-anymail")

TEAM, EVE = "team@example.com", "eve@example.org"  # who may get mail
NAMES = ("bob@real.example", "zoe@other.example", "é@real.example")  # who may not
WRITTEN = [*NAMES, "Bob <BOB@real.example>", '"Zoe, Z." <zoe@other.example>']
ALLOWED = st.sampled_from([EVE, f"Eve <{EVE}>", TEAM])
ANYBODY = st.one_of(st.sampled_from(WRITTEN), ALLOWED)
ANYTHING = st.recursive(
    st.one_of(ANYBODY, st.text(max_size=5), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(ANYBODY, inner, max_size=3)
    ),
    max_leaves=6,
)
OF_EACH = ("merge_data", "merge_headers", "merge_metadata")
FOR_ALL = ("esp_extra", "metadata", "merge_global_data")
TOLD = st.dictionaries(ANYBODY, ANYTHING, max_size=3)
TOLD_OF_EACH = st.dictionaries(
    ANYBODY, st.dictionaries(st.sampled_from("xyz"), ANYBODY, max_size=2), max_size=3
)
OF_RECIPIENTS = ("To", "cc", "Bcc", "Resent-To")
OTHERS = ("X-For", "X-MC-BccAddress", "Sender")
OF_THE_SENDER = ("from", "sender", "reply-to", "subject")


@st.composite
def letters(draw: Any) -> EmailMultiAlternatives:
    to = st.lists(draw(st.sampled_from([ANYBODY, ALLOWED])), max_size=3)
    some = st.lists(ANYBODY, min_size=1, max_size=3)
    headers = draw(st.dictionaries(st.sampled_from(OF_RECIPIENTS), to))
    headers |= draw(st.dictionaries(st.sampled_from(OTHERS), some))
    message: Any = EmailMultiAlternatives(
        draw(st.one_of(ANYBODY, st.just("Hello"))),
        "Body",
        draw(ANYBODY.filter(str.isascii)),  # others need SMTPUTF8
        draw(to),
        cc=draw(to),
        bcc=draw(to),
        reply_to=draw(some),
        headers={name: ", ".join(value) for name, value in headers.items()},
    )
    for name in FOR_ALL:
        setattr(message, name, draw(TOLD))
    for name in OF_EACH:
        setattr(message, name, draw(st.one_of(TOLD_OF_EACH, TOLD)))
    return message


def named(value: object, names: tuple[str, ...] = NAMES) -> list[str]:
    text = str(value).casefold()
    return [name for name in names if name in text]


def recipients(message: EmailMultiAlternatives) -> tuple[str, ...]:
    """Those who may not get mail among them, in the fields or in headers."""
    values = [message.extra_headers.get(name, "") for name in OF_RECIPIENTS]
    return tuple(named([*message.to, *message.cc, *message.bcc, *values]))


def check_headers(headers: Any, written_to: tuple[str, ...]) -> None:
    for name, value in headers:
        own = name.lower() in OF_THE_SENDER  # who may be named, but for recipients
        if not name.lower().startswith("x-original-"):
            assert not named(value, written_to if own else NAMES), name


@pytest.fixture(scope="module")
def smtp():
    with MisbehavingServer() as server:
        yield server


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(message=letters())
def test_nobody_real_is_ever_named(with_mailers, smtp, forget_connections, message):
    guard = {"to": TEAM, "allow": "example.org"}
    redirect = "django_mailplus.backends.redirect.EmailBackend"
    server = {"host": smtp.host, "port": smtp.port}
    with_mailers(
        {
            "default": {"BACKEND": redirect, "OPTIONS": {"using": "smtp", **guard}},
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": server,
            },
            "guarded": {"BACKEND": redirect, "OPTIONS": {"using": "api", **guard}},
            "api": {"BACKEND": "anymail.backends.test.EmailBackend"},
        }
    )
    smtp.taken.clear()
    mail.outbox.clear()
    written_to = recipients(message)
    plain = copy.copy(message)
    for name in OF_EACH:  # with which SMTP sends nothing
        delattr(plain, name)
    try:
        get_mailer("default").send_messages([plain])
    except ValueError:  # of Django, which writes no header Bcc, to whomever
        assert "bcc" in {name.lower() for name in plain.extra_headers}
        assert not smtp.taken
    else:
        assert len(smtp.taken) == bool(plain.recipients())
    for taken in smtp.taken:
        assert {address.lower() for address in taken.recipients} <= {TEAM, EVE}
        parsed = email.message_from_bytes(taken.content, policy=email.policy.default)
        check_headers(parsed.items(), written_to)
    try:
        get_mailer("guarded").send_messages([message])
    except (ValueError, TypeError):  # of django-anymail: it can tell no API of this
        assert not mail.outbox
    for sent in mail.outbox:
        told = dict(sent.anymail_test_params)
        check_headers(told.pop("extra_headers", {}).items(), written_to)
        for name in ("text_body", "html_body", "alternatives"):
            told.pop(name, None)  # the banner
        for name in ("from", "reply_to", "subject"):
            assert not named(told.pop(name, ""), written_to), name
        assert not named(told)
