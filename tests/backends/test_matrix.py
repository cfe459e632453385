"""Every router and wrapper, alone and in one another, over a mailer that fails in every way.

What is right stands in `told`, in terms of servers alone. What was sent is what the
servers have taken, by their own record.
"""

from __future__ import annotations

import copy
import functools
import itertools
import socket
from collections import Counter
from collections.abc import Iterator

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from misbehaving_server import CLOSE, PIPELINING, SILENCE, MisbehavingServer

from django_mailplus.backends import breakers
from django_mailplus.compat import get_mailer
from django_mailplus.dkim.keys import new_key
from django_mailplus.outbox.models import MailerState, OutboxMessage, Recipient
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.smtp import pipeline
from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.django_db  # of the do-not-mail list

BOB, EVE, SAM = "bob@example.com", "eve@example.com", "sam@example.org"
EVERYBODY = (BOB, EVE, SAM)


@functools.cache
def dkim_keys():
    _, pem = new_key(domain="example.com", selector="m", algorithm="ed25519-sha256")
    return [{"domain": "example.com", "selector": "m", "key": pem(None).decode()}]


# --- What is between the caller and the server ----------------------------------------


def wrapper(**options):
    """One that passes all of this mail on. A function gives options made when needed."""
    return lambda inner, spare: (
        {"using": inner}
        | {
            name: value() if callable(value) else value
            for name, value in options.items()
        }
    )


def router(**options):
    return lambda inner, spare: {"using": [inner, spare], **options}


def weighted(inner, spare):
    # By domain, so that it is always the same one that is asked first.
    return {"using": {inner: 100, spare: 1}, "sticky": "domain"}


def by_domain(inner, spare):
    return {"using": [inner, spare], "routes": {"example.org": spare}}


LAYERS = {
    "failover": router(),
    "roundrobin": weighted,
    "route": by_domain,
    "redirect": wrapper(allow=["example.com", "example.org"]),
    "suppression": wrapper(),
    "ratelimit": wrapper(rate="100000000/s", cache="default"),
    "dkim": wrapper(keys=dkim_keys),
    "inbox": wrapper(),
}
LAST = {"dkim"}  # directly before the server
STAND_IN = {"failover", "roundrobin"}


def chains(deep: int) -> Iterator[tuple[str, ...]]:
    for chain in itertools.permutations(LAYERS, deep):
        if not LAST & set(chain[:-1]):
            yield chain


SHORT = [*chains(1), *chains(2)]
DEEP = [chain for chain in chains(3) if "inbox" not in chain]


# --- How the server at the end fails --------------------------------------------------

LOGIN = {"ehlo": f"{PIPELINING}\n250 AUTH PLAIN LOGIN".replace("250 SIZE", "250-SIZE")}
FAULTS = {
    # What it says, what that is of the mailer, and what it is for each recipient.
    "works": ({}, "taken", "accepted"),
    "refused": ({}, "down", "transient"),
    "no such host": ({}, "down", "transient"),
    "timeout before DATA": ({"rcpt": SILENCE}, "down", "transient"),
    "421": ({"mail": "421 4.3.2 closing"}, "down", "transient"),
    "bad password": (LOGIN | {"auth": "535 5.7.8 no"}, "down", "transient"),
    "450": ({"rcpt": "450 4.2.1 later"}, "busy", "transient"),
    "451": ({"content": "451 4.3.0 later"}, "busy", "transient"),
    "550": ({"rcpt": "550 5.1.1 no such user"}, "refused", "permanent"),
    "554": ({"content": "554 5.6.0 not this one"}, "refused", "permanent"),
    "partial": ({"rcpt": {EVE: "550 5.1.1 no", "": "250 ok"}}, "partial", None),
    "timeout after DATA": ({}, "unknown", "unknown"),
}
# Three deep without those that differ from others to the server alone.
ESSENTIAL = [fault for fault in FAULTS if fault not in ("works", "451", "554")]


class Mute(MisbehavingServer):
    """Takes a message, and does not say so, if it is to."""

    mute = False

    def _say(self, session, step, line=""):
        if step == "content" and self.mute:
            self._send(session, SILENCE)
        return super()._say(session, step, line)


@pytest.fixture(scope="module")
def failing():
    with Mute() as server:
        yield server


@pytest.fixture(scope="module")
def spare():
    with MisbehavingServer() as server:
        yield server


@pytest.fixture(scope="module")
def nobody():
    """A port at which nobody listens, and that nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def arrange(with_mailers, failing, spare, nobody, monkeypatch):
    """MAILERS with a chain behind "default", and the servers as the fault wants them."""

    def leaf(server, **options):
        options = {"host": server.host, "port": server.port, "timeout": 500, **options}
        return backend("smtp", options)

    def arrange(chain, fault, *, outbox=False, **rules):
        breakers.forget_breakers()
        failing.plan(**FAULTS[fault][0])
        failing.mute = fault == "timeout after DATA"
        spare.plan()
        # Timeouts to wait for the answer to a content: 5 s, and 0.02 s where it is lost.
        monkeypatch.setattr(pipeline, "_EXAMINATION", 0.01)
        options = {
            "refused": {"port": nobody},
            "no such host": {"host": "fe80::1%nowhere"},  # which asks no server
            "bad password": {"username": "ann", "password": "wrong"},
            "timeout before DATA": {"timeout": 0.02},
            "timeout after DATA": {"timeout": 2},
        }
        mailers = {"end": leaf(failing, **options.get(fault, {}))}
        names = ["default", "second", "third", "fourth"][outbox:][: len(chain)]
        for depth, (name, kind) in enumerate(zip(names, chain, strict=True)):
            inner, beside = [*names[1:], "end"][depth], f"spare {depth}"
            mailers[beside] = leaf(spare)
            more = rules if kind in STAND_IN else {}
            mailers[name] = backend(kind, LAYERS[kind](inner, beside) | more)
        if outbox:
            using = {"using": "second", "dispatch": "worker", "on_unknown": "hold"}
            mailers["default"] = backend("outbox", using)
        with_mailers(mailers)

    yield arrange
    close_all()


def backend(kind, options):
    path = f"django_mailplus.backends.{kind}.EmailBackend"
    return {"BACKEND": path, "OPTIONS": options}


def letter(subject="Hi"):
    return EmailMessage(
        subject,
        "Body\n",
        "Ann <ann@example.com>",
        ["Bob <bob@example.com>"],
        cc=["eve@example.com"],
        bcc=["sam@example.org"],
        headers={"X-Order": "1"},
    )


# --- What is right --------------------------------------------------------------------


def told(chain, fault, people, *, unknown_goes_on=False):
    """What becomes of each, and what a router above makes of it."""
    if not chain:
        _, word, kind = FAULTS[fault]
        if word == "partial":
            kinds = {p: "permanent" if p == EVE else "accepted" for p in people}
            return kinds, "taken"
        return dict.fromkeys(people, kind), word
    kind, *behind = chain
    if kind == "route" and SAM in people:
        others = [person for person in people if person != SAM]
        kinds = dict(told(behind, fault, others, unknown_goes_on=unknown_goes_on)[0])
        return kinds | {SAM: "accepted"}, "taken"
    kinds, word = told(behind, fault, people, unknown_goes_on=unknown_goes_on)
    goes_on = word in ("down", "busy") or (word == "unknown" and unknown_goes_on)
    if kind in STAND_IN and goes_on:
        return dict.fromkeys(people, "accepted"), "taken"
    return kinds, word


def copies(failing, spare, *, by_subject=False):
    """How many the servers have taken for each recipient, at last: a caller who waits no
    longer may be done before the server is."""
    close_all()
    failing.settle()
    spare.settle()
    return Counter(
        (subject(each), person) if by_subject else person
        for server in (failing, spare)
        for each in server.taken
        for person in each.recipients
    )


def subject(taken):
    [line] = [x for x in taken.content.splitlines() if x.startswith(b"Subject: ")]
    return line.partition(b": ")[2].decode()


def message_ids(failing, spare):
    return {
        line
        for server in (failing, spare)
        for each in server.taken
        for line in each.content.splitlines()
        if line.lower().startswith(b"message-id:")
    }


def cells(chains, faults):
    return [
        pytest.param(chain, fault, id=f"{'>'.join(chain)}-{fault.replace(' ', '-')}")
        for chain in chains
        for fault in faults
    ]


@pytest.mark.parametrize(
    ("chain", "fault"), [*cells(SHORT, FAULTS), *cells(DEEP, ESSENTIAL)]
)
def test_nothing_is_lost_and_nothing_sent_twice(arrange, failing, spare, chain, fault):
    arrange(chain, fault)
    message = letter()
    before = copy.deepcopy(vars(message))
    error = None
    try:
        sent = get_mailer("default").send_messages([message])
    except OSError as raised:  # as all of smtplib's
        sent, error = 0, raised
    kinds, _ = told(chain, fault, EVERYBODY)
    result = message.delivery_result
    assert {r.address: r.kind for r in result.recipients} == kinds
    accepted = {person for person, kind in kinds.items() if kind == "accepted"}
    assert (sent, error is None) == (int(bool(accepted)), bool(accepted))
    perhaps = {person for person, kind in kinds.items() if kind == "unknown"}
    assert copies(failing, spare) == Counter(dict.fromkeys(accepted | perhaps, 1))
    assert len(message_ids(failing, spare)) <= 1
    signatures = [each.content.count(b"DKIM-Signature:") for each in failing.taken]
    assert signatures == [int("dkim" in chain)] * len(failing.taken)
    after = dict(vars(message))
    del after["delivery_result"]
    assert after == before


OPTED_IN = [chain for chain in SHORT + DEEP if STAND_IN & set(chain)]


@pytest.mark.parametrize(("chain", "fault"), cells(OPTED_IN, ["timeout after DATA"]))
def test_what_may_have_left_goes_on_if_you_say_so(
    arrange, failing, spare, chain, fault
):
    """Twice at most, and as the same mail."""
    arrange(chain, fault, on_unknown="next")
    message = letter()
    kinds, word = told(chain, fault, EVERYBODY, unknown_goes_on=True)
    assert word == "taken"
    assert get_mailer("default").send_messages([message]) == 1
    assert {r.address: r.kind for r in message.delivery_result.recipients} == kinds
    times = copies(failing, spare)
    assert set(times) == set(EVERYBODY)
    assert max(times.values()) <= 2
    assert len(message_ids(failing, spare)) == 1


AMID = {
    # What the second of four messages meets on each connection.
    "421": {"mail": ["250 ok", "421 4.3.2 closing"]},
    "450": {"rcpt": ["250 ok"] * 3 + ["450 4.2.1 later"] * 3 + ["250 ok"]},
    "550": {"mail": ["250 ok", "550 5.7.1 not this one", "250 ok"]},
    "lost": {"content": ["250 ok", CLOSE, "250 ok"]},
}


@pytest.mark.parametrize(("chain", "trouble"), cells(SHORT + DEEP, AMID))
def test_a_batch_that_fails_in_the_middle(arrange, failing, spare, chain, trouble):
    """Each message says what became of it; where another mailer stands in, all leave."""
    arrange(chain, "works")
    failing.plan(**AMID[trouble])
    batch = [letter(f"No {number}") for number in range(4)]
    before = [copy.deepcopy(vars(message)) for message in batch]
    error = None
    try:
        get_mailer("default").send_messages(batch)
    except OSError as raised:
        error = raised
    times = copies(failing, spare, by_subject=True)
    for number, message in enumerate(batch):
        told = {r.address: r.kind for r in message.delivery_result.recipients}
        assert set(told) == set(EVERYBODY)
        for person, kind in told.items():
            sent = times[f"No {number}", person]
            assert sent == (kind == "accepted") or (kind == "unknown" and sent <= 1)
        if error is None:
            assert "accepted" in told.values()
        if STAND_IN & set(chain) and not (trouble in ("550", "lost") and number == 1):
            reached = [p for p, kind in told.items() if kind == "accepted"]
            assert reached == list(told) or "route" in chain
        del vars(message)["delivery_result"]
    assert [vars(message) for message in batch] == before


# --- Behind an outbox -----------------------------------------------------------------

KEPT = [
    *chains(1),
    ("redirect", "failover", "route"),
    ("route", "failover", "dkim"),
    ("roundrobin", "route", "redirect"),
]
ENDS = {"accepted": "sent", "transient": "sent", "permanent": "failed"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("chain", "fault"), cells(KEPT, FAULTS))
def test_behind_an_outbox_each_gets_it_once(arrange, failing, spare, chain, fault):
    """The second try is with a server that works, for those who are open alone."""
    arrange(chain, fault, outbox=True)
    letter().send()
    work()
    kinds, _ = told(chain, fault, EVERYBODY)
    first, first_ids = copies(failing, spare), message_ids(failing, spare)
    ends = {person: ENDS.get(kind, kind) for person, kind in kinds.items()}
    arrange(chain, "works", outbox=True)
    work()
    times = first + copies(failing, spare)
    reached = {person for person, end in ends.items() if end in ("sent", "unknown")}
    assert times == Counter(dict.fromkeys(reached, 1))
    assert len(first_ids | message_ids(failing, spare)) <= 1
    mail = OutboxMessage.objects.get()
    fates = dict(Recipient.objects.values_list("address", "state"))
    assert {person: fates.get(person) or mail.state for person in ends} == ends


def work():
    OutboxMessage.objects.update(due_at=timezone.now())
    MailerState.objects.all().delete()  # a pause is over
    Worker(["second"]).run(once=True)
    close_all()
