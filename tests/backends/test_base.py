"""What wrappers and routers do with the mailers that `using` names, and what they refuse."""

from __future__ import annotations

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage

from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.testing import BackendContract

LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
message = BackendContract().make_message


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
