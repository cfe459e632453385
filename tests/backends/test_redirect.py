"""A site that is not in production mails nobody real, wherever he is named."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from scripted_server import ScriptedServer

from django_mailplus.backends.redirect import EmailBackend
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.message.narrowing import narrow
from django_mailplus.message.redirecting import Guard, barred_from, redirect

REDIRECT = "django_mailplus.backends.redirect.EmailBackend"
SMTP = "django_mailplus.backends.smtp.EmailBackend"
TEAM = "team@example.com"


@pytest.fixture
def mailer(with_mailers, server):
    def configure(**options):
        smtp = {"host": server.host, "port": server.port}
        with_mailers(
            {
                "default": {
                    "BACKEND": REDIRECT,
                    "OPTIONS": {"using": "smtp", **options},
                },
                "smtp": {"BACKEND": SMTP, "OPTIONS": smtp},
            }
        )
        return get_mailer("default")

    return configure


def letter(**fields: Any) -> EmailMultiAlternatives:
    known: dict[str, Any] = {
        "subject": "Hello",
        "body": "Body",
        "from_email": "ann@example.com",
        "to": ["bob@real.example"],
    }
    return EmailMultiAlternatives(**known | fields)


def recipients(server: ScriptedServer) -> list[str]:
    return [
        line[9:-1] for line in server.commands if line.lower().startswith("rcpt to:")
    ]


def headers(data: bytes) -> Any:
    return email.message_from_bytes(data, policy=email.policy.default)


def _text(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


def test_all_goes_to_the_team(mailer, server):
    message = letter(cc=["Carol <carol@real.example>"], bcc=["dave@real.example"])
    assert mailer(to=TEAM).send_messages([message]) == 1
    assert recipients(server) == [TEAM]
    got = headers(server.messages[0])
    assert (got["To"], got["Cc"]) == (TEAM, None)
    assert got["X-Original-To"] == "bob@real.example"
    assert got["X-Original-Cc"] == "Carol <carol@real.example>"
    assert got["X-Original-Bcc"] == "dave@real.example"
    assert got["Subject"] == "[redirected] Hello"
    assert message.to == ["bob@real.example"]
    assert [r.address for r in message.delivery_result.accepted] == [
        "bob@real.example",
        "carol@real.example",
        "dave@real.example",
    ]


def test_who_may_get_mail_gets_it(mailer, server):
    message = letter(to=["bob@real.example", "Eve <EVE@example.org>"])
    mailer(to=[TEAM], allow=["example.org"]).send_messages([message])
    assert sorted(recipients(server)) == ["EVE@example.org", TEAM]
    assert headers(server.messages[0])["To"] == f"Eve <EVE@example.org>, {TEAM}"


def test_a_mail_to_those_alone_stays_as_it_is(mailer, server):
    message = letter(to=["eve@example.org"])
    mailer(to=[TEAM], allow=["example.org"]).send_messages([message])
    got = headers(server.messages[0])
    assert recipients(server) == ["eve@example.org"]
    assert got["Subject"] == "Hello"
    assert "redirected" not in server.messages[0].decode()


def test_without_a_team_the_others_get_nothing(mailer, server):
    mailed = mailer(allow=["example.org"])
    nobody, some = letter(), letter(to=["bob@real.example", "eve@example.org"])
    assert mailed.send_messages([nobody, some]) == 1
    assert recipients(server) == ["eve@example.org"]
    told = nobody.delivery_result.recipients
    assert {(r.kind, r.text) for r in told} == {
        ("suppressed", "Not sent: nobody of its recipients may get mail")
    }


@pytest.mark.parametrize(
    ("allow", "address", "may"),
    [
        ("eve@example.org", "Eve@Example.org", True),
        ("eve@example.org", "eve@example.org.real.example", False),
        ("example.org", "eve@example.org", True),
        ("example.org", "eve@sub.example.org", False),
        ("*.example.org", "eve@sub.example.org", True),
        ("*.example.org", "eve@notexample.org", False),
        ("@example.org", "eve@example.org", True),
        ("qa-*@example.org", "qa-7@example.org", True),
        ("qa-*@example.org", "eve@example.org", False),
        ("bücher.example", "eve@xn--bcher-kva.example", True),
        (re.compile(r".*\+test@real\.example"), "bob+test@real.example", True),
        (re.compile(r"bob"), "bob@real.example", False),
        ("example.org", "eve@example.org <bob@real.example>", False),
        ("example.org", '"eve@example.org" <bob@real.example>', False),
        ("example.org", "bob@real.example,eve@example.org", False),
        ("example.org", "bob@real.example eve@example.org", False),
        ("example.org", "bob@real.example\n@example.org", False),
        ("example.org", "bob@real.example@example.org", False),
        ("example.org", "friends:bob@real.example;@example.org", False),
        ("example.org", "<bob@real.example>@example.org", False),
        ("example.org", "", False),
    ],
)
def test_who_is_allowed(allow, address, may):
    assert Guard(allow=(allow,)).allows(address) is may


def test_a_banner_says_so_in_text_and_html(mailer, server):
    message = letter(body="Dear Bob")
    message.attach_alternative(
        "<html><body class=x><p>Dear Bob</p></body></html>", "text/html"
    )
    mailer(to=TEAM).send_messages([message])
    text, html = headers(server.messages[0]).iter_parts()
    assert _text(text).startswith(
        "This mail was redirected. It was written to:\nTo: bob@real.example\n"
    )
    assert _text(text).rstrip().endswith("-\n\nDear Bob")
    assert "<body class=x><div" in html.get_content()
    assert "To: bob@real.example</div><p>Dear Bob</p>" in html.get_content()
    assert message.alternatives[0][0].startswith("<html><body class=x><p>")


def test_a_name_in_the_banner_is_no_html(mailer, server):
    message = letter(to=["<b>Bob</b> <bob@real.example>"], body="<p>Hi</p>")
    message.content_subtype = "html"
    mailer(to=TEAM).send_messages([message])
    assert "&lt;b&gt;Bob" in headers(server.messages[0]).get_content()


def test_headers_that_name_recipients_are_moved(mailer, server):
    message = letter(
        headers={
            "To": "Bob <bob@real.example>",
            "Resent-To": "zoe@real.example",
            "X-Customer": "BOB@real.example",
            "X-Order": "1",
        },
        reply_to=["help@example.com", "bob@real.example"],
        from_email="bob@real.example",
        subject="For bob@real.example",
    )
    mailer(to=TEAM).send_messages([message])
    got = headers(server.messages[0])
    assert got["To"] == TEAM
    assert got["X-Original-Resent-To"] == "zoe@real.example"
    assert got["X-Original-X-Customer"] == "BOB@real.example"
    assert got["X-Order"] == "1"
    assert got["Reply-To"] == "help@example.com"
    assert got["X-Original-From"] == "bob@real.example"
    assert got["Subject"] == f"[redirected] For {TEAM}"
    assert [name for name in got if "bob@real.example" in got[name].lower()] == [
        name
        for name in got
        if name.startswith("X-Original-") and "bob" in got[name].lower()
    ]


class Own(EmailMessage):
    """Goes its own ways."""

    def recipients(self):
        return [*super().recipients(), "hidden@real.example"]

    def message(self, **options):
        made = super().message(**options)
        made["X-Made-For"] = "bob@real.example"
        return made


def test_a_class_with_ways_of_its_own_is_held(mailer, server):
    message = Own("Hello", "Body", "ann@example.com", ["bob@real.example"])
    mailer(to=TEAM).send_messages([message])
    assert recipients(server) == [TEAM]
    got = headers(server.messages[0])
    assert got["To"] == TEAM
    assert got["X-Original-X-Made-For"] == "bob@real.example"
    assert got["Subject"] == "Hello"


def test_it_may_stand_on_both_sides_of_an_outbox():
    guard = Guard(to=(TEAM,))
    message = letter()
    redirect(message, guard, barred_from(message, guard))
    assert barred_from(message, guard) == set()


def test_the_team_gets_a_mail_once_though_others_have_to_wait(with_mailers, server):
    """Of each try an outbox learns who got it, in the words of the mail."""
    server.replies["rcpt"] = {"eve@example.org": "450 4.2.1 later", "": "250 ok"}
    smtp = {"host": server.host, "port": server.port}
    with_mailers(
        {
            "default": {
                "BACKEND": REDIRECT,
                "OPTIONS": {"using": "smtp", "to": TEAM, "allow": "example.org"},
            },
            "smtp": {"BACKEND": SMTP, "OPTIONS": smtp},
        }
    )
    message = letter(to=["bob@real.example", "eve@example.org"])
    get_mailer("default").send_messages([message])
    told = {r.address: r.kind for r in message.delivery_result.recipients}
    assert told == {"bob@real.example": "accepted", "eve@example.org": "transient"}
    del server.commands[:]
    server.replies["rcpt"] = "250 ok"
    narrow(message, without={"bob@real.example"})
    get_mailer("default").send_messages([message])
    assert recipients(server) == ["eve@example.org"]
    assert headers(server.messages[-1])["To"] == "eve@example.org"


def test_a_cap_for_an_hour(mailer, server):
    mailed = mailer(to=TEAM, max_per_hour=2)
    batch = [letter() for _ in range(3)]
    assert mailed.send_messages(batch) == 2
    assert "max_per_hour" in batch[2].delivery_result.text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "a redirect needs 'to'"),
        ({"to": "team"}, "'to' has 'team'"),
        ({"to": TEAM, "allow": [3]}, "'allow' has 3"),
        ({"to": TEAM, "allow": ["exmaple"]}, "neither an address nor a domain"),
        ({"to": TEAM, "allow": ["*"]}, "neither an address nor a domain"),
        ({"to": TEAM, "allow": ["*@*"]}, "neither an address nor a domain"),
        ({"to": TEAM, "max_per_hour": 0}, "'max_per_hour' is 0"),
    ],
)
def test_mistakes_are_told_before_a_mail_is_sent(mailer, options, text):
    with pytest.raises(InvalidMailer, match=text):
        mailer(**options)
    [finding] = EmailBackend.check("x", {"using": "smtp", **options})
    assert text in finding.msg
