"""Sessions with a real Postfix that ends them: idle ones, and all when it is restarted."""

from __future__ import annotations

import pytest
from smtp.pool_stage import eventually
from smtp.postfix_mail import (
    backend,
    batch,
    in_order,
    mail,
    number_of,
    numbers,
    queue_id,
    said,
)

from django_mailplus.delivery import classify

TAKEN = [("accepted", 250, "2.1.5")]
UNSENT = [("transient", None, "")]


def wait_for_cut(postfix, count=1):
    """Until Postfix has lost its patience with so many sessions."""
    eventually(lambda: postfix.log.count("timeout after") == count)


@pytest.mark.parametrize("messages", [1, 20])
def test_a_session_cut_while_it_was_idle_is_not_missed(start, written, messages):
    postfix = start(smtpd_timeout="1s")
    sender = backend(postfix)
    assert sender.send_messages(batch(3)) == 3
    wait_for_cut(postfix)
    following = [mail(3 + number) for number in range(messages)]
    assert sender.send_messages(following) == messages
    assert in_order(postfix.delivered()) == written
    assert sender.pool.stats.replaced == 1
    assert sender.pool.stats.opened == 2


def test_several_sessions_cut_while_they_were_idle(start, written):
    postfix = start(smtpd_timeout="1s")
    sender = backend(postfix, concurrency=3)
    assert sender.send_messages(batch(60)) == 60
    wait_for_cut(postfix, sender.pool.stats.opened)
    assert sender.send_messages([mail(60 + number) for number in range(60)]) == 60
    assert in_order(postfix.delivered()) == written


def test_a_session_held_open_and_cut_meanwhile(start, written):
    postfix = start(smtpd_timeout="1s")
    sender = backend(postfix)
    with sender:
        assert sender.send_messages(batch(2)) == 2
        wait_for_cut(postfix)
        following = [mail(2), mail(3)]
        assert sender.send_messages(following) == 2
    assert in_order(postfix.delivered()) == written


def test_messages_that_are_made_slowly(start, written):
    postfix = start(smtpd_timeout="1s")
    messages = batch(6)

    def slowly():
        for number, message in enumerate(messages):
            if number == 3:
                wait_for_cut(postfix)
            yield message

    assert backend(postfix).send_messages(slowly()) == 6
    assert in_order(postfix.delivered()) == written


@pytest.mark.parametrize("concurrency", [1, 3])
def test_postfix_is_restarted_between_two_batches(start, written, concurrency):
    postfix = start()
    sender = backend(postfix, concurrency=concurrency)
    assert sender.send_messages(batch(10)) == 10
    assert len(postfix.delivered()) == 10  # or it would relay some once more
    port = postfix.port
    postfix.stop()
    postfix.start()
    assert postfix.port == port
    assert sender.send_messages([mail(10 + number) for number in range(10)]) == 10
    assert in_order(postfix.delivered()) == written


@pytest.mark.parametrize("concurrency", [1, 3])
def test_postfix_is_stopped(start, concurrency):
    postfix = start()
    sender = backend(postfix, concurrency=concurrency)
    assert sender.send_messages([mail(0)]) == 1
    assert numbers(postfix) == [0]
    postfix.stop()
    messages = [mail(number) for number in range(1, 9)]
    with pytest.raises(ConnectionRefusedError) as raised:
        sender.send_messages(messages)
    assert classify(raised.value) == "mailer"
    assert [said(message) for message in messages] == [UNSENT] * 8
    silent = backend(postfix, concurrency=concurrency, fail_silently=True)
    assert not silent.send_messages(messages)
    assert [said(message) for message in messages] == [UNSENT] * 8
    postfix.start()
    assert sender.send_messages(messages) == 8
    assert numbers(postfix) == list(range(9))


def restarting(postfix, messages):
    """The messages, with a restart before one in the middle."""
    for number, message in enumerate(messages):
        if number == len(messages) // 2:
            postfix.stop()
            postfix.start()
        yield message


def compare_with_what_arrived(postfix, kinds):
    """Hold what was told about each message against what Postfix took, by its own ids."""
    ids = {number_of(one): queue_id(one) for one in postfix.delivered()}
    # Postfix relays once more what it was relaying when it ended.
    assert {(number_of(one), queue_id(one)) for one in postfix.delivered()} == set(
        ids.items()
    )
    assert {n for n, kind in enumerate(kinds) if kind == "accepted"} <= set(ids)
    assert not {n for n, kind in enumerate(kinds) if kind == "transient"} & set(ids)
    assert "permanent" not in kinds


def kinds_of(messages):
    return [kind for message in messages for kind, _, _ in said(message)]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_postfix_ends_amid_a_batch(start, concurrency):
    postfix = start()
    messages = batch(60)
    sender = backend(postfix, concurrency=concurrency, fail_silently=True)
    count = sender.send_messages(restarting(postfix, messages))
    kinds = kinds_of(messages)
    assert count == kinds.count("accepted")
    assert kinds.count("unknown") <= concurrency
    compare_with_what_arrived(postfix, kinds)


def test_messages_behind_a_restart_go_out(start):
    postfix = start()
    messages = batch(60)
    sender = backend(postfix, fail_silently=True)
    sender.send_messages(restarting(postfix, messages))
    kinds = kinds_of(messages)
    assert kinds[-28:] == ["accepted"] * 28
    compare_with_what_arrived(postfix, kinds)


def test_postfix_ends_amid_a_batch_that_may_not_fail(start):
    postfix = start()
    messages = batch(20)

    def while_it_ends():
        for number, message in enumerate(messages):
            if number == 10:
                postfix.stop()
            yield message

    with pytest.raises(OSError):  # noqa: PT011 (what the end comes to is a race)
        backend(postfix).send_messages(while_it_ends())
    postfix.start()
    compare_with_what_arrived(postfix, kinds_of(messages[:11]))
