"""sendtestemail --trace: who handed the mail to whom, what each made of it, and how long."""

from __future__ import annotations

import re

import pytest
from commands.sendtestemail_stage import (
    Broken,
    NoCount,
    Outcome,
    backend_path,
    mailer,
)
from django.core.mail import EmailMessage
from scripted_server import ScriptedServer

from django_mailplus.backends import breakers
from django_mailplus.backends.tracing import listening
from django_mailplus.compat import get_mailer
from django_mailplus.smtp.registry import close_all

LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


def ours(kind, using, **options):
    path = f"django_mailplus.backends.{kind}.EmailBackend"
    return {"BACKEND": path, "OPTIONS": {"using": using, **options}}


@pytest.fixture(autouse=True)
def _nothing_is_known():
    breakers.forget_breakers()
    yield
    breakers.forget_breakers()
    close_all()


@pytest.fixture
def second():
    with ScriptedServer() as server:
        yield server


def hops(outcome):
    """The lines with a time, or without one where a mailer was not asked; no figures."""
    return [
        re.sub(r" +", " ", re.sub(r"\d+ ms", "N ms", line[2:])).rstrip()
        for line in outcome.raw.splitlines()
        if re.match(r"  \s*\S+ +(leaf|wrapper|router|store)  ", line)
    ]


def trace(*arguments):
    return hops(Outcome("bob@example.com", "--trace", *arguments))


def depth(outcome):
    lines = [line[2:] for line in outcome.raw.splitlines() if " ms" in line]
    return [len(line) - len(line.lstrip()) for line in lines]


def test_the_one_that_refused_and_the_one_that_took_it(with_mailers, server, second):
    server.replies["banner"] = "421 4.3.2 not now"
    with_mailers(
        {
            "default": ours("failover", ["one", "two"]),
            "one": mailer(server),
            "two": mailer(second),
        }
    )
    outcome = Outcome("bob@example.com", "--trace")
    assert outcome.error is None
    assert hops(outcome) == [
        "default:failover router accepted N ms",
        " one:smtp leaf transient N ms 421 4.3.2 not now",
        " two:smtp leaf accepted N ms 250 2.0.0 Ok: queued as ABC123",
    ]
    assert depth(outcome) == [0, 2, 2]
    assert "> ehlo" in outcome.out  # and the dialogue
    # It rests now, which is why it is not asked.
    first, rests, *_ = trace()
    assert first == "default:failover router accepted N ms"
    assert re.fullmatch(
        r" one:smtp leaf not asked it is down, for another \d\d s", rests
    )


def test_all_that_refused(with_mailers, server, second):
    server.replies["banner"] = second.replies["banner"] = "421 4.3.2 not now"
    with_mailers(
        {
            "default": ours("failover", ["one", "two"]),
            "one": mailer(server),
            "two": mailer(second),
        }
    )
    router, *members = trace()
    assert router.startswith("default:failover router transient N ms NoMailerError")
    assert [line.split(" N ms")[0].strip() for line in members] == [
        "one:smtp leaf transient",
        "two:smtp leaf transient",
    ]


def test_what_a_backend_without_results_was_refused_for_now(with_mailers, server):
    server.replies["rcpt"] = "450 4.2.0 come back later"
    django = "django.core.mail.backends.smtp.EmailBackend"
    with_mailers({"default": {**mailer(server), "BACKEND": django}})
    [line] = trace()
    assert line.startswith("default:smtp leaf transient N ms")


def test_what_was_refused_for_good(with_mailers, server):
    server.replies["rcpt"] = "550 5.1.1 no such user"
    with_mailers({"default": mailer(server)})
    assert trace() == ["default:smtp leaf permanent N ms 550 5.1.1 no such user"]


def test_wrappers_are_hops_as_well(with_mailers, server):
    with_mailers(
        {
            "default": ours("redirect", "within", to="team@example.com"),
            "within": ours("ratelimit", "end", rate="14/s", cache="default"),
            "end": mailer(server),
        }
    )
    outcome = Outcome("bob@example.com", "--trace")
    assert hops(outcome) == [
        "default:redirect wrapper accepted N ms",
        " within:ratelimit wrapper accepted N ms",
        " end:smtp leaf accepted N ms 250 2.0.0 Ok: queued as ABC123",
    ]
    assert depth(outcome) == [0, 2, 4]


def test_what_a_wrapper_dropped_went_no_further(with_mailers, server):
    with_mailers(
        {
            "default": ours("redirect", "end", allow="example.org"),
            "end": mailer(server),
        }
    )
    [line] = trace()
    assert line.startswith("default:redirect wrapper suppressed N ms Not sent: nobody")
    assert server.commands == []


def test_what_had_no_room(with_mailers, server):
    with_mailers(
        {
            "default": ours("ratelimit", "end", rate="1/d", cache="default"),
            "end": mailer(server),
        }
    )
    Outcome("bob@example.com")
    [line] = trace()
    assert "wrapper transient N ms RateLimitError: MAILERS['default']: no room" in line


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("dispatch", "what"),
    [("worker", "kept for later"), ("inline", "kept, sent by now")],
)
def test_an_outbox_keeps_it(with_mailers, server, dispatch, what):
    with_mailers(
        {
            "default": ours("redirect", "box", to="team@example.com"),
            "box": ours("outbox", "end", dispatch=dispatch),
            "end": mailer(server),
        }
    )
    outcome = Outcome("bob@example.com", "--trace")
    assert hops(outcome) == [
        f"default:redirect wrapper {what} N ms",
        f" box:outbox store {what} N ms",
    ]
    assert ("mailqueue show" in outcome.out) == (outcome.error is None)


def test_backends_of_others_are_hops(with_mailers, server):
    with_mailers(
        {
            "default": ours("failover", ["broken", "silent"]),
            "broken": {"BACKEND": backend_path(Broken)},
            "silent": {"BACKEND": backend_path(NoCount)},
        }
    )
    router, broken = trace()
    assert router.split()[:3] == ["default:failover", "router", "permanent"]
    assert broken.startswith(" broken:Broken leaf permanent N ms LookupError: the ")
    assert "\x1b" not in broken
    with_mailers(
        {
            "default": ours("redirect", "memory", allow="example.com"),
            "memory": LOCMEM,
        }
    )
    assert trace() == [
        "default:redirect wrapper accepted N ms",
        " memory:locmem leaf accepted N ms it says nothing of the recipients",
    ]


def test_without_trace_there_are_none(with_mailers, server):
    with_mailers({"default": mailer(server)})
    assert hops(Outcome("bob@example.com")) == []


def test_no_secret_is_in_it(with_mailers, server):
    server.replies["ehlo"] = "250-test\n250 AUTH PLAIN"
    server.replies["auth"] = "535 5.7.8 hunter22 is wrong"
    options = {"username": "u", "password": "hunter22"}
    with_mailers(
        {
            "default": ours("failover", ["one", "two"]),
            "one": mailer(server, **options),
            "two": LOCMEM,
        }
    )
    outcome = Outcome("bob@example.com", "--trace")
    assert "one:smtp leaf transient" in " ".join(hops(outcome))
    assert "hunter22" not in outcome.raw


def test_who_does_not_listen_keeps_nothing(with_mailers, server):
    with_mailers(
        {"default": ours("failover", ["one"]), "one": mailer(server)},
    )
    message = EmailMessage("Hi", "", None, ["bob@example.com"])
    with listening() as before:
        pass
    get_mailer("default").send_messages([message])
    assert before == []
    with listening() as heard:
        get_mailer("default").send_messages([message])
    assert [hop.alias for hop in heard] == ["one"]
