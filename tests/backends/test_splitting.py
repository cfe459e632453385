"""A message to recipients of several mailers: each gets its own, and there is one outcome."""

from __future__ import annotations

import copy
import smtplib

import pytest
from backends.stage import smtp
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils import timezone
from misbehaving_server import CLOSE
from outbox.mailing import states

from django_mailplus.backends.inline import Inline
from django_mailplus.backends.routing import Route
from django_mailplus.backends.splitting import SplitStream
from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.exceptions import NotSentError
from django_mailplus.outbox.models import OutboxMessage, Recipient
from django_mailplus.outbox.sending.worker import Worker

ROUTE = "django_mailplus.backends.route.EmailBackend"
OUTBOX = "django_mailplus.backends.outbox.EmailBackend"
SMTP = "django_mailplus.backends.smtp.EmailBackend"
DJANGO = "django.core.mail.backends.smtp.EmailBackend"
DOWN = {"banner": "421 4.3.2 not now"}

pytestmark = pytest.mark.usefixtures("forget_mailers")


@pytest.fixture(params=[SMTP, DJANGO], ids=["ours", "django"])
def leaf(request):
    return request.param


@pytest.fixture
def mailer(with_mailers, servers, leaf):
    """Mail to b.org goes to the second server, all other to the first."""
    with_mailers(mailers(servers, leaf))
    return lambda: get_mailer("default")


def mailers(servers, leaf=SMTP, **options):
    options = {"using": ["one", "two"], "routes": {"b.org": "two"}, **options}
    return {
        "default": {"BACKEND": ROUTE, "OPTIONS": options},
        "one": smtp(servers[0], leaf),
        "two": smtp(servers[1], leaf),
    }


def letter(subject="Hi", kind=EmailMultiAlternatives):
    return kind(
        subject,
        "Body",
        "Ann <ann@example.com>",
        ["Bob <bob@a.org>", "bea@B.org"],
        cc=["cai@b.org", "carl@a.org"],
        bcc=["dan@b.org"],
        headers={"X-Order": "1"},
    )


OF_ONE = ["bob@a.org", "carl@a.org"]
OF_TWO = ["bea@B.org", "cai@b.org", "dan@b.org"]
EVERYBODY = ["bob@a.org", "bea@B.org", "cai@b.org", "carl@a.org", "dan@b.org"]


def reached(server):
    return [each.recipients for each in server.taken]


def header(taken, name):
    [line] = [
        line.partition(b": ")[2].decode()
        for line in taken.content.partition(b"\r\n\r\n")[0].splitlines()
        if line.lower().startswith(name.lower().encode() + b":")
    ]
    return line


def told(message):
    return {r.address: r.kind for r in message.delivery_result.recipients}


def test_each_mailer_gets_its_own_recipients(mailer, servers, leaf):
    message = letter()
    before = copy.deepcopy(vars(message))
    assert mailer().send_messages([message]) == 1
    assert (reached(servers[0]), reached(servers[1])) == ([OF_ONE], [OF_TWO])
    [one], [two] = servers[0].taken, servers[1].taken
    assert one.content == two.content
    assert header(one, "To") == "Bob <bob@a.org>, bea@B.org"
    assert header(one, "Cc") == "cai@b.org, carl@a.org"
    assert b"dan@" not in one.content
    after = dict(vars(message))
    result = after.pop("delivery_result")
    assert after == before
    if leaf == DJANGO:  # which tells nothing
        assert result is None
    else:
        assert [r.address for r in result.recipients] == EVERYBODY
        assert result.mailer == "default"


def test_the_result_tells_what_each_server_said(with_mailers, servers):
    with_mailers(mailers(servers))
    servers[1].plan(rcpt={"cai": "450 4.2.1 later", "": "250 ok"})
    message = letter()
    assert get_mailer("default").send_messages([message]) == 1
    kinds = dict.fromkeys(EVERYBODY, "accepted") | {"cai@b.org": "transient"}
    assert told(message) == kinds
    assert message.delivery_result.message_id == header(
        servers[0].taken[0], "Message-ID"
    )


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        (DOWN, "transient"),
        ({"rcpt": "550 5.1.1 no such user"}, "permanent"),
        ({"rcpt": "450 4.2.1 later"}, "transient"),
        ({"content": "554 5.6.0 not this one"}, "permanent"),
        ({"content": CLOSE}, "unknown"),
    ],
    ids=["down", "550", "450", "554", "lost"],
)
@pytest.mark.parametrize("failing", [0, 1])
def test_if_one_fails_the_other_has_sent(mailer, servers, replies, kind, failing):
    """As with a server that takes some of the recipients only."""
    servers[failing].plan(**replies)
    message = letter()
    assert mailer().send_messages([message]) == 1
    works = (OF_TWO, OF_ONE)[failing]
    assert reached(servers[1 - failing]) == [works]
    assert told(message) == {
        address: "accepted" if address in works else kind for address in EVERYBODY
    }


@pytest.mark.parametrize(
    ("plans", "fault", "kinds"),
    [
        ((DOWN, DOWN), "mailer", ("transient", "transient")),
        ((DOWN, {"mail": "550 5.7.1 no"}), "message", ("transient", "permanent")),
        (({"content": CLOSE}, DOWN), "unknown", ("unknown", "transient")),
        ((DOWN, {"content": CLOSE}), "unknown", ("transient", "unknown")),
    ],
    ids=["down", "down and refused", "lost and down", "down and lost"],
)
def test_if_both_fail_the_worst_is_raised(mailer, servers, plans, fault, kinds):
    """An error of a mailer that is down would say that nothing has left."""
    for server, replies in zip(servers, plans, strict=True):
        server.plan(**replies)
    message = letter()
    with pytest.raises(OSError) as raised:  # noqa: PT011 (smtplib's errors are OSError)
        mailer().send_messages([message])
    assert classify(raised.value) == fault
    assert told(message) == {address: kinds[address in OF_TWO] for address in EVERYBODY}


def test_a_batch_stays_together(mailer, servers):
    whole = EmailMessage("Whole", "Body", "ann@example.com", ["x@a.org"])
    batch = [letter("One"), whole, letter("Two"), whole]
    assert mailer().send_messages(batch) == 4
    assert sorted(header(each, "Subject") for each in servers[0].taken) == [
        "One",
        "Two",
        "Whole",
        "Whole",
    ]
    assert [header(each, "Subject") for each in servers[1].taken] == ["One", "Two"]
    assert [s.connections for s in servers] == [1, 1]


class Everybody(EmailMessage):
    """Knows itself whom it goes to."""

    def recipients(self):
        return ["x@a.org", "y@b.org"]


def test_a_class_with_recipients_of_its_own_is_split_as_well(mailer, servers):
    message = letter(kind=Everybody)
    assert mailer().send_messages([message]) == 1
    assert (reached(servers[0]), reached(servers[1])) == ([["x@a.org"]], [["y@b.org"]])
    assert "delivery_result" in vars(message)


def test_one_that_cannot_be_written_is_an_error(mailer, servers):
    message = letter("a\nBcc: x@y.org")
    with pytest.raises(ValueError, match=r"(?i)newline|linefeed"):
        mailer().send_messages([message])
    assert set(told(message).values()) == {"permanent"}
    assert reached(servers[0]) + reached(servers[1]) == []


# As a stream, behind an outbox.


@pytest.fixture
def queue(with_mailers, servers, leaf):
    outbox = {
        "BACKEND": OUTBOX,
        "OPTIONS": {"using": "route", "dispatch": "worker", "on_unknown": "hold"},
    }
    others = mailers(servers, leaf)
    with_mailers({**others, "default": outbox, "route": others["default"]})


def work():
    OutboxMessage.objects.update(due_at=timezone.now())
    Worker(["route"]).run(drain=True)


@pytest.mark.django_db(transaction=True)
def test_the_outbox_tries_again_for_those_who_are_open(queue, servers):
    servers[1].plan(rcpt={"bea": "550 5.1.1 no", "": "450 4.2.1 later"})
    letter().send()
    work()
    assert (states(), reached(servers[0])) == (["queued"], [OF_ONE])
    first_id = header(servers[0].taken[0], "Message-ID")
    servers[1].plan()
    work()
    assert states() == ["partial"]
    assert reached(servers[0]) == [OF_ONE]
    assert reached(servers[1]) == [["cai@b.org", "dan@b.org"]]
    assert header(servers[1].taken[0], "Message-ID") == first_id
    assert header(servers[1].taken[0], "Cc") == "cai@b.org, carl@a.org"


@pytest.mark.django_db(transaction=True)
def test_one_that_is_down_gets_its_mail_later(queue, servers):
    servers[0].plan(**DOWN)
    letter().send()
    work()
    assert (states(), reached(servers[1])) == (["queued"], [OF_TWO])
    servers[0].plan()
    work()
    assert (states(), reached(servers[0])) == (["sent"], [OF_ONE])
    assert reached(servers[1]) == [OF_TWO]


@pytest.mark.django_db(transaction=True)
def test_what_may_have_left_is_held_for_those_alone(queue, servers):
    servers[0].plan(content=CLOSE)
    servers[1].plan(**DOWN)
    letter().send()
    work()
    servers[0].plan()
    servers[1].plan()
    work()
    assert (states(), reached(servers[0])) == (["unknown"], [])
    assert reached(servers[1]) == [OF_TWO]
    open_ones = Recipient.objects.filter(state="unknown").values_list("address")
    assert sorted(address for (address,) in open_ones) == OF_ONE


@pytest.mark.django_db
def test_before_outboxes_each_part_waits_in_its_own(with_mailers, servers):
    others = mailers(servers)
    for name in ("one", "two"):
        options = {"using": f"{name} smtp", "dispatch": "worker"}
        outbox = {"BACKEND": OUTBOX, "OPTIONS": options}
        others |= {f"{name} smtp": others[name], name: outbox}
    with_mailers(others)
    batch = [letter("One"), letter("Two")]
    assert get_mailer("default").send_messages(batch) == 2
    assert [message.delivery_result for message in batch] == [None, None]
    kept = OutboxMessage.objects.values_list("mailer", "subject")
    assert sorted(kept) == [
        ("one smtp", "One"),
        ("one smtp", "Two"),
        ("two smtp", "One"),
        ("two smtp", "Two"),
    ]


def outcomes(stream, count):
    found = []
    while len(found) < count and (outcome := stream.get(5)):
        found.append(outcome)
        stream.recorded()
    stream.close()
    return found


def test_a_part_that_is_held_back_is_tried_again_alone(mailer, servers):
    """What has left has left: the message is not to be sent again as a whole."""
    calls = []

    def before():
        calls.append(1)
        if len(calls) > 1:
            raise NotSentError

    message = letter()
    stream = mailer().stream(1)
    stream.put(message, before)
    [(got, error)] = outcomes(stream, 1)
    assert got is message
    assert error is None
    assert sorted(told(message).values()) in (
        ["accepted"] * 2 + ["transient"] * 3,
        ["accepted"] * 3 + ["transient"] * 2,
    )
    assert len(reached(servers[0]) + reached(servers[1])) == 1


def test_all_parts_held_back_are_the_message_held_back(mailer, servers):
    def before():
        raise NotSentError

    message = letter()
    stream = mailer().stream(1)
    stream.put(message, before)
    [(got, error)] = outcomes(stream, 1)
    assert got is message
    assert isinstance(error, NotSentError)
    assert set(told(message).values()) == {"transient"}
    assert reached(servers[0]) + reached(servers[1]) == []


def test_beside_a_part_held_back_a_refusal_counts(with_mailers, servers):
    """It is final, and is not asked for again with the whole message."""
    with_mailers(mailers(servers))
    servers[0].plan(rcpt="550 5.1.1 no such user")

    def before():
        raise NotSentError

    message = letter()
    stream = get_mailer("default").stream(1)
    stream.put(message, before)
    [(_, error)] = outcomes(stream, 1)
    assert isinstance(error, smtplib.SMTPRecipientsRefused)
    assert told(message) == {
        address: "transient" if address in OF_TWO else "permanent"
        for address in EVERYBODY
    }


class OneAtATime(Inline):
    """Sends so many until their outcomes are on record; the second one first, if told."""

    def __init__(self, alias):
        self.last_first, self.free, self.waiting = alias == "two", 1, []

    def put(self, message, before):
        self.waiting.append(message)

    def get(self, timeout):
        if not self.free or not self.waiting:
            return None
        self.free = 0
        return self.waiting.pop(-1 if self.last_first else 0), None, 1

    def recorded(self):
        self.free = 1


@pytest.mark.parametrize("apart", [True, False])
def test_whoever_splits_changes_nothing(apart):
    def split(message):
        message.subject = "Changed"
        return [{message.to.pop()}, set(message.to)] if apart else ()

    stream = SplitStream(lambda message: Route(["one"]), OneAtATime, split=split)
    message = EmailMessage("Hi", "", "ann@example.com", ["x@a.org", "y@b.org"])
    stream.put(message)
    assert message.subject == "Hi"
    assert message.to == ["x@a.org", "y@b.org"]
    stream.close()


def test_parts_do_not_wait_for_each_other_for_ever():
    """Both members have sent a part of another message, and keep the rest until then."""
    stream = SplitStream(
        lambda message: Route(["two" if "b.org" in message.to[0] else "one"]),
        OneAtATime,
        split=lambda message: [{"x@a.org"}, {"y@b.org"}],
    )
    batch = [
        EmailMessage("Hi", "", "ann@example.com", ["x@a.org", "y@b.org"])
        for _ in range(2)
    ]
    for message in batch:
        stream.put(message)
    assert stream.get(0) is None  # "two" has sent the second one first
    heard = [outcome[0] for _ in range(4) if (outcome := stream.get(0.01))]
    assert {id(message) for message in heard} == {id(message) for message in batch}
    assert len(heard) == 2
