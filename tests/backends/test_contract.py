"""One battery over every backend, in every way a project can configure it."""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import connection
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy

from django_mailplus import mail
from django_mailplus.compat import InvalidMailer, get_mailer

LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


@dataclass
class Case:
    """A backend to test as the mailer "tested", and the mailers it needs beside it."""

    path: str
    options: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)
    in_email_backend: bool = True  # whether it may be named in EMAIL_BACKEND itself

    def mailers(self, smtp_options):
        smtp = {
            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
            "OPTIONS": smtp_options,
        }
        options = (
            smtp_options if self.path.endswith("smtp.EmailBackend") else self.options
        )
        tested = {"BACKEND": self.path, "OPTIONS": options}
        return {"default": tested, "tested": tested, "smtp": smtp, **self.beside}


pytestmark = pytest.mark.django_db  # of the do-not-mail list

CASES = {
    "smtp": Case("django_mailplus.backends.smtp.EmailBackend"),
    "wrapper": Case("example_backends.Stamp", {"using": "smtp"}),
    "wrapper of a wrapper": Case(
        "example_backends.Stamp",
        {"using": "inner"},
        {"inner": {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": "smtp"}}},
    ),
    "suppression": Case(
        "django_mailplus.backends.suppression.EmailBackend", {"using": "smtp"}
    ),
    "ratelimit": Case("example_backends.Limited", {"using": "smtp"}),
    "router": Case(
        "example_backends.BySubject", {"using": ["smtp", "spare"]}, {"spare": LOCMEM}
    ),
    "failover": Case(
        "django_mailplus.backends.failover.EmailBackend", {"using": ["smtp"]}
    ),
    "roundrobin": Case(
        "django_mailplus.backends.roundrobin.EmailBackend", {"using": {"smtp": 2}}
    ),
    "route": Case(
        "django_mailplus.backends.route.EmailBackend",
        {"using": ["smtp"], "routes": {"example.com": "smtp"}},
    ),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def case(request):
    return CASES[request.param]


@pytest.fixture(params=["MAILERS", "EMAIL_BACKEND"])
def backend(request, case, server, with_mailers, with_email_settings):
    """The backend under test, sending to the scripted server."""
    if request.param == "MAILERS":
        with_mailers(case.mailers({"host": server.host, "port": server.port}))
        return get_mailer("tested")
    with_email_settings(
        EMAIL_BACKEND=case.path, EMAIL_HOST=server.host, EMAIL_PORT=server.port
    )
    return get_mailer("default")


def message(subject="Hello", **options):
    return EmailMultiAlternatives(
        subject,
        "Body",
        "Ann <ann@example.com>",
        ["bob@example.com"],
        cc=["carol@example.com"],
        bcc=["dave@example.com"],
        headers={"X-Order": "1"},
        reply_to=["ann@example.org"],
        **options,
    )


def test_it_returns_how_many_messages_were_sent(backend, server):
    assert backend.send_messages([message(), message()]) == 2
    assert len(server.messages) == 2


def test_any_iterable_will_do(backend, server):
    assert backend.send_messages(message() for _ in range(2)) == 2


def test_no_messages_are_zero_and_need_no_connection(backend, server):
    assert backend.send_messages([]) == 0
    assert backend.send_messages(iter(())) == 0
    assert server.commands == []


def test_the_callers_message_stays_as_it_was(backend, server):
    sent = message(attachments=[("a.txt", "text", "text/plain")])
    sent.attach_alternative("<p>Body</p>", "text/html")
    before = copy.deepcopy(sent.__dict__)
    backend.send_messages([sent])
    after = dict(sent.__dict__)
    del after["delivery_result"]
    assert after == before


def test_every_message_carries_a_result_for_each_recipient(backend, server):
    sent = message()
    backend.send_messages([sent])
    addresses = [r.address for r in sent.delivery_result.accepted]
    assert addresses[:1] == ["bob@example.com"]
    assert {"carol@example.com", "dave@example.com"} <= set(addresses)
    assert sent.delivery_result.text == "Ok: queued as ABC123"
    assert sent.delivery_result.message_id


def test_a_second_send_does_not_show_the_first_result(backend, server):
    sent = message()
    backend.send_messages([sent])
    server.replies["rcpt"] = "550 5.1.1 no such user"
    with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
        backend.send_messages([sent])
    assert sent.delivery_result.accepted == ()
    assert {r.code for r in sent.delivery_result.refused} == {550}


def test_lazy_strings_are_sent_as_text(backend, server):
    backend.send_messages([message(gettext_lazy("Yes"))])
    assert b"Subject:" in server.messages[0]


def test_open_connects_once_and_tells_so(backend, server):
    assert backend.open() is True
    assert backend.open() is False
    backend.send_messages([message()])
    backend.send_messages([message()])
    backend.close()
    assert sum(c.lower().startswith("ehlo") for c in server.commands) == 1


def test_close_is_safe_at_any_time(backend):
    backend.close()
    backend.open()
    backend.close()
    backend.close()


def test_it_is_a_context_manager(backend, server):
    with backend as opened:
        assert opened.send_messages([message()]) == 1


def test_a_message_that_cannot_be_written_raises_as_in_django(backend):
    with pytest.raises(ValueError, match=r"(?i)newline|linefeed"):
        backend.send_messages([message("a\nBcc: x@example.com")])


def test_every_message_of_a_failed_batch_says_that_it_was_not_sent(backend, server):
    server.replies["banner"] = "554 5.7.1 go away"
    batch = [message(), message()]
    with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
        backend.send_messages(batch)
    assert [{r.kind for r in m.delivery_result.recipients} for m in batch] == [
        {"transient"}
    ] * 2


def test_its_repr_names_the_chain_and_no_option(backend):
    assert repr(backend).startswith(
        ("<tested", "<default", f"<{type(backend).__module__}")
    )
    assert "127.0.0.1" not in repr(backend)


def test_fail_silently_raises_nothing_but_still_tells(
    case, server, with_email_settings
):
    with_email_settings(
        EMAIL_BACKEND=case.path, EMAIL_HOST=server.host, EMAIL_PORT=server.port
    )
    server.replies["rcpt"] = "550 5.1.1 no such user"
    sent = message()
    backend = import_string(case.path)(fail_silently=True)
    assert backend.send_messages([sent]) == 0
    assert {r.kind for r in sent.delivery_result.recipients} == {"permanent"}


def test_fail_silently_goes_on_when_nobody_listens(case, with_email_settings):
    with_email_settings(EMAIL_BACKEND=case.path, EMAIL_HOST="127.0.0.1", EMAIL_PORT=1)
    with import_string(case.path)(fail_silently=True) as backend:
        assert backend.send_messages([message()]) == 0


def test_unknown_options_name_the_mailer(case, server, with_mailers):
    mailers = case.mailers({"host": server.host, "port": server.port})
    options = mailers["tested"]["OPTIONS"] | {"hots": 1}
    with_mailers({**mailers, "tested": {"BACKEND": case.path, "OPTIONS": options}})
    with pytest.raises(
        InvalidMailer, match=r"MAILERS\['tested'\]: Unknown options 'hots'"
    ):
        get_mailer("tested")


@pytest.mark.django_db(transaction=True)
def test_each_send_of_many_threads_arrives(case, server, with_mailers):
    if case is CASES["suppression"] and connection.vendor == "sqlite":
        pytest.skip("SQLite in memory has one connection")
    with_mailers(case.mailers({"host": server.host, "port": server.port}))

    def send():
        try:
            mail.mailers["tested"].send_messages([message()])
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.messages) == 8


# Wrappers and routers on top of it.


def forwarding(path, using, **others):
    return {
        "tested": {"BACKEND": f"example_backends.{path}", "OPTIONS": {"using": using}},
        **others,
    }


def test_prepare_sees_a_copy_and_its_changes_are_sent(with_mailers):
    with_mailers(forwarding("Stamp", "inner", inner=LOCMEM))
    sent = message()
    assert get_mailer("tested").send_messages([sent]) == 1
    assert django_mail.outbox[-1].subject == "stamped: Hello"
    assert django_mail.outbox[-1].to == ["bob@example.com", "archive@example.com"]
    assert django_mail.outbox[-1].sent_using == "inner"
    assert "X-Stamp" not in sent.extra_headers


def test_a_dropped_message_is_not_counted_and_says_so(with_mailers):
    with_mailers(forwarding("Stamp", "inner", inner=LOCMEM))
    dropped, kept = message("drop me"), message()
    assert get_mailer("tested").send_messages([dropped, kept]) == 1
    told = dropped.delivery_result.recipients
    assert [r.address for r in told] == dropped.recipients()
    assert {r.kind for r in told} == {"suppressed"}
    assert dropped.delivery_result.mailer == "tested"


def test_a_wrapper_says_itself_why_it_drops_a_message(with_mailers):
    with_mailers(forwarding("Listed", "inner", inner=LOCMEM))
    dropped = message()
    assert get_mailer("tested").send_messages([dropped]) == 0
    told = {(r.kind, r.text) for r in dropped.delivery_result.recipients}
    assert told == {("suppressed", "on the list since May")}


def test_the_batch_goes_on_in_one_call_over_one_connection(with_mailers):
    from example_backends import Counting

    with_mailers(
        forwarding("Stamp", "inner", inner={"BACKEND": "example_backends.Counting"})
    )
    Counting.events.clear()
    with get_mailer("tested") as backend:
        backend.send_messages([message(), message()])
        backend.send_messages([message()])
    assert Counting.events == ["open", "send 2", "send 1", "close"]


def test_a_router_hands_each_message_to_the_mailer_it_chose(with_mailers):
    with_mailers(forwarding("BySubject", {"a": 2, "b": 1}, a=LOCMEM, b=LOCMEM))
    assert (
        get_mailer("tested").send_messages([message("b"), message("x"), message("b")])
        == 3
    )
    assert [m.sent_using for m in django_mail.outbox[-3:]] == ["b", "b", "a"]


def test_a_mailer_that_fails_does_not_keep_the_others_from_sending(with_mailers):
    with_mailers(
        forwarding(
            "BySubject",
            ["a", "b"],
            a={"BACKEND": "example_backends.Refusing"},
            b=LOCMEM,
        )
    )
    with pytest.raises(ConnectionRefusedError):
        get_mailer("tested").send_messages([message("a"), message("b")])
    assert django_mail.outbox[-1].sent_using == "b"


def test_a_router_that_chooses_a_stranger_is_an_error(with_mailers):
    with_mailers(forwarding("Lost", ["a"], a=LOCMEM))
    with pytest.raises(
        InvalidMailer, match="chose the mailer 'nowhere', which is not in 'using'"
    ):
        get_mailer("tested").send_messages([message()])


@pytest.mark.parametrize(
    ("using", "text"),
    [
        (None, "OPTIONS must define 'using'"),
        ([], "OPTIONS must define 'using'"),
        (
            "sess",
            r"names the mailer 'sess', which is not configured \(configured: 'tested', 'inner'",
        ),
        (["inner", "tested"], "circle|takes exactly one"),
        ("tested", "'using' goes round in a circle: tested -> tested"),
    ],
)
def test_mistakes_in_using_are_named(with_mailers, using, text):
    with_mailers(forwarding("Stamp", using, inner=LOCMEM))
    with pytest.raises(InvalidMailer, match=rf"MAILERS\['tested'\]: .*({text})"):
        get_mailer("tested")


def test_a_longer_circle_is_shown(with_mailers):
    with_mailers(forwarding("Stamp", "b", b=forwarding("Stamp", "tested")["tested"]))
    with pytest.raises(InvalidMailer, match="tested -> b -> tested"):
        get_mailer("tested")


def test_the_repr_of_a_mailer_is_its_chain(with_mailers):
    with_mailers(
        forwarding(
            "Stamp",
            "spread",
            spread=forwarding("BySubject", ["a", "b"])["tested"],
            a=LOCMEM,
            b=LOCMEM,
        )
    )
    assert (
        repr(get_mailer("tested"))
        == "<tested:Stamp(spread:BySubject(a:locmem, b:locmem))>"
    )


def test_a_wrapper_in_email_backend_wraps_our_smtp(server, with_email_settings):
    with_email_settings(
        EMAIL_BACKEND="example_backends.Stamp",
        EMAIL_HOST=server.host,
        EMAIL_PORT=server.port,
    )
    sent = EmailMessage("s", "b", "ann@example.com", ["bob@example.com"])
    assert get_mailer("default").send_messages([sent]) == 1
    assert b"Subject: stamped: s" in server.messages[0]
    assert sent.delivery_result.mailer is None
