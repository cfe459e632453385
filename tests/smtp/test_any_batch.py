"""Random batches to a server that does anything: what messages are told is the truth.

MAILPLUS_SMTP_BATCHES says how many batches; a failure names the seed of its batch, to be
run again alone with MAILPLUS_SMTP_SEED.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from conftest import using_mailers
from django.core.mail import EmailMessage
from scripted_server import server_context
from smtp.any_server import AnyServer

from django_mailplus.compat import get_mailer
from django_mailplus.message.wire import to_bytes
from django_mailplus.smtp.registry import close_all

BATCHES = int(os.environ.get("MAILPLUS_SMTP_BATCHES", "300"))
FIRST = int(os.environ.get("MAILPLUS_SMTP_SEED", "-1"))
BACKEND = "django_mailplus.backends.smtp.EmailBackend"


@pytest.fixture(autouse=True)
def forget_connections():
    yield
    close_all()


@pytest.fixture
def tls(tmp_path, monkeypatch):
    context, certificate = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return context


@pytest.mark.timeout(0)
def test_every_message_is_told_the_truth(tls, caplog):
    caplog.set_level("CRITICAL")
    seeds = [FIRST] if FIRST >= 0 else [random.randrange(10**9) for _ in range(BATCHES)]  # noqa: S311
    for seed in seeds:
        try:
            one_round(seed, tls)
        except Exception as error:
            raise AssertionError(f"MAILPLUS_SMTP_SEED={seed}") from error


def one_round(seed, tls):
    """Up to three batches through one mailer, whose connections are kept between them."""
    dice = random.Random(seed)  # noqa: S311
    silent = dice.choice([0, 0, 0, 0.3])
    secure = dice.random() < 0.2
    with AnyServer(
        seed,
        trouble=dice.choice([0, 0.03, 0.1, 0.3]),
        limit=dice.choice([99, 99, 2]),
        most=dice.choice([10**6, 10**6, 3]),
        silent=silent,
        cut_after=dice.choice([-1, -1, -1, dice.randrange(30_000)]),
        tls=tls if secure else None,
    ) as server:
        options = {
            "host": server.host,
            "port": server.port,
            "timeout": 0.05 if silent else 5,
            "use_ssl": secure,
            "concurrency": dice.choice([1, 1, 3]),
            "pool_size": dice.choice([0, 1, 3]),
        }
        with using_mailers({"default": {"BACKEND": BACKEND, "OPTIONS": options}}):
            batches = send_some(dice, seed)
            close_all()
    for messages, contents, sent in batches:
        compare(server, messages, contents, sent)
        if sent is None and options["concurrency"] == 1:
            nothing_behind_an_error(server, messages)
    everything = {m.from_email for messages, *_ in batches for m in messages}
    assert {taken.sender for taken in server.taken if taken.recipients} <= everything


def send_some(dice, seed):
    names = [f"{seed}-{number}" for number in range(dice.randint(1, 3))]
    # Each batch has dice of its own, since threads take turns as they like.
    send_one = partial(send, silently=dice.random() < 0.3)
    if dice.random() < 0.3:
        with ThreadPoolExecutor() as threads:
            return list(threads.map(send_one, names))
    return list(map(send_one, names))


def send(name, *, silently):
    dice = random.Random(name)  # noqa: S311
    messages = [message(dice, f"{name}-{n}") for n in range(dice.randint(1, 12))]
    # Written anew for each send, but alike: date and Message-ID are given.
    contents = {m.from_email: to_bytes(m) for m in messages}
    backend = get_mailer("default")
    backend.fail_silently = silently
    try:
        sent = backend.send_messages(messages)
    except Exception:
        sent = None
    return messages, contents, sent


def message(dice, name):
    lines = ["Hello", ".", "..", ".dot", "", "x" * 900, "MAIL FROM:<a@x.org>", "ü"]
    text = "\n".join(dice.choices(lines, k=dice.choice([0, 1, 3, 30, 200])))
    names = [f"bob{n}-{name}@example.com" for n in range(dice.choice([1, 1, 2, 5]))]
    return EmailMessage(
        name,
        text,
        f"ann-{name}@example.com",
        names + names[: dice.choice([0, 0, 1])],
        headers={
            "Message-ID": f"<{name}@x>",
            "Date": "Sat, 01 Aug 2026 10:00:00 +0000",
        },
    )


def compare(server, messages, contents, sent):
    for sent_message in messages:
        sender = sent_message.from_email
        result = sent_message.delivery_result
        told = {r.address: r.kind for r in result.recipients}
        assert [r.address for r in result.recipients] == sent_message.recipients()
        taken = [t for t in server.taken if t.sender == sender and t.recipients]
        assert len(taken) <= 1, "taken twice"
        to = set(taken[0].recipients) if taken else set()
        assert to <= told.keys()
        for one in taken:
            # A last line without an end is given one: it would end in the lone dot.
            assert one.content.removesuffix(b"\r\n") == contents[sender].removesuffix(
                b"\r\n"
            )
        compare_kinds(server, sender, told, to)
    if sent is not None:
        assert sent == sum(bool(m.delivery_result.accepted) for m in messages)


def compare_kinds(server, sender, told, to):
    refused = {about for of, about, code in server.said if of == sender and code > "5"}
    for address, kind in told.items():
        assert (kind == "accepted") <= (address in to)
        assert (kind in ("transient", "permanent")) <= (address not in to)
        assert (kind == "permanent") <= bool({"", address} & refused)
        assert (kind == "unknown") <= (sender in server.whole)
    accepted = {address for address, kind in told.items() if kind == "accepted"}
    assert accepted in (set(), to)


def nothing_behind_an_error(server, messages):
    senders = {taken.sender for taken in server.taken}
    fine = [bool(m.delivery_result.accepted) for m in messages]
    first = fine.index(False)
    assert not any(fine[first:])
    assert not senders & {m.from_email for m in messages[first + 1 :]}
