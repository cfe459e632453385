"""One mailer after another: who is asked, what is final, and how a mailer comes back."""

from __future__ import annotations

import re
import time

import pytest
from backends.stage import smtp
from django.core.mail import EmailMessage
from misbehaving_server import CLOSE, RESET

from django_mailplus.backends import breakers
from django_mailplus.backends.breakers import Patience, breaker_of
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.exceptions import NoMailerError

FAILOVER = "django_mailplus.backends.failover.EmailBackend"
SMTP = "django_mailplus.backends.smtp.EmailBackend"
DJANGO_SMTP = "django.core.mail.backends.smtp.EmailBackend"

pytestmark = pytest.mark.usefixtures("forget_mailers")


@pytest.fixture(params=[SMTP, DJANGO_SMTP], ids=["ours", "django"])
def leaf(request):
    return request.param


@pytest.fixture
def failover(with_mailers, servers, leaf):
    def configure(**options):
        with_mailers(
            {
                "default": {
                    "BACKEND": FAILOVER,
                    "OPTIONS": {"using": ["one", "two"], **options},
                },
                "one": smtp(servers[0], leaf),
                "two": smtp(servers[1], leaf),
            }
        )
        return lambda: get_mailer("default")

    return configure


def mails(count=1, to=("bob@example.com",)):
    return [
        EmailMessage(f"No {n}", "Body", "ann@example.com", list(to))
        for n in range(count)
    ]


def taken(server):
    return sorted(
        line.removeprefix(b"Subject: ").decode()
        for each in server.taken
        for line in each.content.splitlines()
        if line.startswith(b"Subject:")
    )


def names(count):
    return [f"No {n}" for n in range(count)]


def health(alias):
    return breaker_of("default", alias, Patience()).health


def test_the_first_one_sends_while_it_works(failover, servers):
    assert failover()().send_messages(mails(5)) == 5
    assert taken(servers[0]) == names(5)
    assert servers[1].connections == 0


@pytest.mark.parametrize(
    "replies",
    [
        {"banner": "421 4.3.2 not now"},
        {"banner": CLOSE},
        {"banner": RESET},
        {"ehlo": CLOSE},
        {"mail": "421 4.3.2 closing"},
    ],
    ids=repr,
)
def test_the_next_one_sends_while_it_is_down(failover, servers, replies, leaf):
    if leaf == DJANGO_SMTP and "ehlo" in replies:
        pytest.skip("Django's backend says hello as it sends: who knows what has left")
    mailer = failover()
    servers[0].plan(**replies)
    batch = mails(5)
    assert mailer().send_messages(batch) == 5
    assert taken(servers[1]) == names(5)
    assert servers[0].taken == []
    assert health("one") == "open"
    asked = servers[0].connections
    assert mailer().send_messages(mails(1)) == 1
    assert servers[0].connections == asked


def test_every_try_is_of_the_same_mail(failover, servers):
    """Whoever got a copy of both knows it by its Message-ID."""
    servers[0].plan(content=CLOSE)
    [message] = mails()
    assert failover(on_unknown="next")().send_messages([message]) == 1
    assert servers[0].broken + len(servers[0].taken) <= 1
    [got] = servers[1].taken
    assert got.content.count(b"Message-ID: ") == 1


@pytest.mark.parametrize(
    "replies",
    [
        {"rcpt": "550 5.1.1 no such user"},
        {"mail": "550 5.7.1 not from you"},
        {"content": "554 5.6.0 not this one"},
    ],
    ids=repr,
)
def test_what_it_refuses_is_refused(failover, servers, replies):
    servers[0].plan(**replies)
    with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
        failover()().send_messages(mails())
    assert servers[1].connections == 0
    assert health("one") == "closed"


def test_one_that_is_refused_keeps_no_other_from_its_place(failover, servers):
    servers[0].plan(mail=["250 ok", "250 ok", "550 5.7.1 not this", "250 ok", "250 ok"])
    with pytest.raises(OSError, match="not this"):
        failover()().send_messages(mails(5))
    assert taken(servers[0]) == ["No 0", "No 1", "No 3", "No 4"]
    assert servers[1].connections == 0


@pytest.mark.parametrize("step", ["rcpt", "mail", "content"])
def test_what_it_puts_off_the_next_one_takes(failover, servers, step):
    servers[0].plan(**{step: "451 4.3.0 later"})
    assert failover()().send_messages(mails()) == 1
    assert taken(servers[1]) == names(1)
    assert health("one") == "closed"


def test_what_it_puts_off_waits_if_you_say_so(failover, servers):
    servers[0].plan(content="451 4.3.0 later")
    with pytest.raises(OSError, match="later"):
        failover(on_busy="raise")().send_messages(mails())
    assert servers[1].connections == 0


def test_one_that_puts_everything_off_rests(failover, servers):
    mailer = failover()
    servers[0].plan(content="451 4.3.0 later")
    for _ in range(3):
        assert mailer().send_messages(mails()) == 1
    assert health("one") == "open"


def test_what_may_have_left_is_not_sent_again(failover, servers):
    servers[0].plan(content=CLOSE)
    with pytest.raises(OSError):  # noqa: PT011
        failover()().send_messages(mails())
    assert servers[1].taken == []


def test_behind_one_that_may_have_left_the_others_go_on(failover, servers):
    servers[0].plan(content=["250 ok", CLOSE, "250 ok"])
    with pytest.raises(OSError):  # noqa: PT011
        failover()().send_messages(mails(4))
    everywhere = taken(servers[0]) + taken(servers[1])
    assert sorted(set(everywhere) | {"No 1"}) == names(4)
    assert len(everywhere) == len(set(everywhere))


def test_some_recipients_are_enough(failover, servers, leaf):
    servers[0].plan(rcpt={"bob": "550 5.1.1 no", "": "250 ok"})
    batch = mails(to=["bob@example.com", "eve@example.com"])
    assert failover()().send_messages(batch) == 1
    assert servers[1].connections == 0
    if leaf == SMTP:
        kinds = [r.kind for r in batch[0].delivery_result.recipients]
        assert kinds == ["permanent", "accepted"]


def test_all_down_is_told_with_what_each_said(failover, servers):
    for server in servers:
        server.plan(banner="554 5.3.2 secret words")
    with pytest.raises(NoMailerError) as raised:
        failover()().send_messages(mails(3))
    text = str(raised.value)
    assert text == (
        "MAILERS['default']: no mailer could be reached "
        "(one: SMTPConnectError 554, two: SMTPConnectError 554)."
    )
    assert set(raised.value.errors) == {"one", "two"}


@pytest.mark.parametrize("first", ["one", "two"])
def test_when_all_rest_the_one_that_is_up_first_is_asked(
    failover, servers, monkeypatch, first
):
    mailer = failover()
    longest = {"one": 1.1, "two": 1.1, first: 0.9}  # the pauses are drawn at random
    for server, alias in zip(servers, ["one", "two"], strict=True):
        server.plan(banner="554 5.3.2 no")
        drawn = longest[alias] - 1
        monkeypatch.setattr(breakers.random, "uniform", lambda *_, d=drawn: d)
        breaker_of("default", alias, Patience()).note_down()
    assert (health("one"), health("two")) == ("open", "open")
    with pytest.raises(NoMailerError) as raised:
        mailer().send_messages(mails())
    [other] = {"one", "two"} - {first}
    assert list(raised.value.errors) == [first]
    assert list(raised.value.resting) == [other]
    assert re.search(
        rf"\({first}: SMTPConnectError 554, {other}: down before, not asked for another "
        r"6\d s\)\.",
        str(raised.value),
    )
    for server in servers:
        server.plan()
    assert mailer().send_messages(mails()) == 1
    assert [len(server.taken) for server in servers] == [first == "one", first == "two"]


def test_it_comes_back_by_one_message_on_trial(failover, servers, monkeypatch):
    mailer = failover()
    servers[0].plan(banner="421 4.3.2 no")
    assert mailer().send_messages(mails()) == 1
    servers[0].plan()
    later = time.time() + 70
    monkeypatch.setattr(breakers.time, "time", lambda: later)
    assert health("one") == "half-open"
    assert mailer().send_messages(mails(4)) == 4
    assert len(servers[0].taken) == 1
    assert health("one") == "closed"
    assert mailer().send_messages(mails(4)) == 4
    assert len(servers[0].taken) == 5


def test_a_mistake_in_its_settings_is_an_error(with_mailers, servers):
    with_mailers(
        {
            "default": {"BACKEND": FAILOVER, "OPTIONS": {"using": ["one", "two"]}},
            "one": {"BACKEND": SMTP, "OPTIONS": {"hots": "x"}},
            "two": smtp(servers[1]),
        }
    )
    with pytest.raises(InvalidMailer, match="hots"):
        get_mailer("default").send_messages(mails())


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"retry_after": 0}, "'retry_after' is 0; it takes seconds, more than 0."),
        ({"on_busy": "wait"}, "'on_busy' is 'wait'; it takes 'next' or 'raise'."),
        ({"cache": "none"}, "'cache' is 'none'; it takes the name of a cache"),
    ],
)
def test_options_that_make_no_sense_are_refused(failover, option, text):
    with pytest.raises(InvalidMailer, match=text):
        failover(**option)()


def test_a_router_whose_mailers_are_down_is_down(with_mailers, servers, leaf):
    with_mailers(
        {
            "default": {"BACKEND": FAILOVER, "OPTIONS": {"using": ["inner", "two"]}},
            "inner": {"BACKEND": FAILOVER, "OPTIONS": {"using": ["one", "three"]}},
            "one": smtp(servers[0], leaf),
            "two": smtp(servers[1], leaf),
            "three": smtp(servers[0], leaf),
        }
    )
    servers[0].plan(banner="421 4.3.2 not now")
    assert get_mailer("default").send_messages(each for each in mails(4)) == 4
    assert taken(servers[1]) == names(4)
    assert health("inner") == "open"
