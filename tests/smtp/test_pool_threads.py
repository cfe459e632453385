"""Many threads share a pool: no connection too many, none starves, none blocks others."""

from __future__ import annotations

import contextlib
import random
import smtplib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_server import SILENCE, ScriptedServer
from smtp.pool_stage import CountingServer, Session, eventually, pool_to

from django_mailplus.exceptions import PoolTimeout
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.pool import Pool, drain_all


@pytest.fixture(autouse=True)
def _nothing_left():
    yield
    drain_all()


@pytest.fixture
def counting():
    with CountingServer() as server:
        yield server


def in_threads(count, work):
    with ThreadPoolExecutor(count) as executor:
        return [
            future.result(60)
            for future in [executor.submit(work, at) for at in range(count)]
        ]


@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(1, 5),
    threads=st.integers(2, 12),
    messages=st.integers(0, 5),
    seed=st.integers(0, 1_000),
)
def test_the_server_never_sees_more_connections_than_the_pool_has(
    size, threads, messages, seed
):
    with CountingServer() as server:
        pool = pool_to(server, size=size, messages=messages, timeout=60)

        def send(at):
            dice = random.Random(seed + at)  # noqa: S311 (a test, no secret)
            for _ in range(6):
                with pool.lease() as lease:
                    lease.session.mail_something()
                if dice.random() < 0.1:
                    pool.drain()

        in_threads(threads, send)
        assert len(server.messages) == threads * 6
        assert server.peak <= size
        assert pool.stats.in_use == pool.stats.waiting == 0
        assert pool.stats.opened - pool.stats.closed == pool.stats.idle
        pool.drain()
        eventually(lambda: server.connected == 0)


def test_no_slot_is_lost_by_errors_timeouts_and_forgotten_leases(counting):
    pool = pool_to(counting, size=2, timeout=0.001, messages=3)

    def suffer(at):
        dice = random.Random(at)  # noqa: S311 (a test, no secret)
        for _ in range(40):
            with contextlib.suppress(PoolTimeout, KeyError, RuntimeError):
                lease = pool.lease()
                match dice.randrange(5):
                    case 0:
                        lease.release(reusable=False)
                    case 1:
                        with lease:
                            raise KeyError
                    case 2:
                        with lease:
                            lease.replace()
                    case 3:
                        del lease
                    case _:
                        lease.session.mail_something()
                        lease.release(reusable=True)

    with pytest.warns(ResourceWarning, match="never released"):
        in_threads(8, suffer)
    stats = pool.stats
    assert (stats.in_use, stats.waiting) == (0, 0)
    assert stats.opened - stats.closed == stats.idle
    with pool.lease(), pool.lease():
        assert pool.stats.in_use == 2


def test_whoever_came_first_is_served_first(counting):
    pool = pool_to(counting, size=1)
    served = []

    def wait(name):
        with pool.lease():
            served.append(name)

    waiters = [threading.Thread(target=wait, args=(name,)) for name in range(6)]
    with pool.lease():
        for at, waiter in enumerate(waiters, start=1):
            waiter.start()
            eventually(lambda at=at: pool.stats.waiting == at)
        assert "1 in use, 0 idle, 6 waiting of 1" in repr(pool)
    for waiter in waiters:
        waiter.join(20)
    assert served == list(range(6))
    assert pool.stats.opened == 1


def test_a_connection_in_the_making_keeps_nobody_from_an_idle_one(counting):
    slow, may_connect = threading.Event(), threading.Event()

    def connect():
        if slow.is_set():
            assert may_connect.wait(20)
        return Session(counting.host, counting.port)

    pool = Pool(connect, Limits(size=2), name="slow")
    first = pool.lease()
    slow.set()
    thread = threading.Thread(target=lambda: pool.lease().release(reusable=True))
    thread.start()
    eventually(lambda: pool.stats.in_use == 2)
    first.release(reusable=True)
    with pool.lease() as lease:
        assert not lease.fresh
    may_connect.set()
    thread.join(20)
    assert repr(pool) == "<Pool slow: 0 in use, 2 idle, 0 waiting of 2>"


def test_saying_goodbye_keeps_nobody_from_an_idle_one(monkeypatch):
    monkeypatch.setattr("django_mailplus.smtp.parting._GOODBYE", 60)
    with CountingServer(quit=SILENCE) as server:
        pool = pool_to(server, size=2, lifetime=1_000)
        kept, old = pool.lease(), pool.lease()
        old.session.created -= 1_000
        parting = threading.Thread(target=old.release, kwargs={"reusable": True})
        parting.start()
        eventually(lambda: "quit" in server.commands)
        kept.release(reusable=True)
        with pool.lease() as lease:
            assert not lease.fresh
        assert parting.is_alive()
        assert repr(pool).endswith("1 in use, 1 idle, 0 waiting of 2>")
        server.cut_all()
        parting.join(20)
        drain_all()


def test_whoever_waits_gets_the_chance_of_one_who_could_not_connect():
    with ScriptedServer(banner="421 4.3.2 busy") as server:
        pool = pool_to(server, size=1, timeout=60)

        def send(at):
            with pytest.raises(smtplib.SMTPConnectError):
                pool.lease()
            return True

        assert all(in_threads(6, send))
    assert pool.stats.failed == 6
    assert pool.stats.in_use == pool.stats.waiting == 0


def test_the_slot_of_a_dropped_session_goes_to_whoever_waits(counting, monkeypatch):
    monkeypatch.setattr("django_mailplus.smtp.pool._LOOK_AGAIN", 60)
    pool = pool_to(counting, size=1)
    lease = pool.lease()
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(pool.lease)
        eventually(lambda: pool.stats.waiting == 1)
        lease.release(reusable=False)
        with waiting.result(20) as other:
            assert other.fresh


def test_the_slot_of_a_forgotten_lease_goes_to_whoever_waits(counting, monkeypatch):
    monkeypatch.setattr("django_mailplus.smtp.pool._LOOK_AGAIN", 60)
    pool = pool_to(counting, size=1)
    lease = pool.lease()
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(pool.lease)
        eventually(lambda: pool.stats.waiting == 1)
        with pytest.warns(ResourceWarning, match="never released"):
            del lease
        waiting.result(20).release(reusable=True)
    assert pool.stats.in_use == 0


def test_who_was_not_woken_looks_for_himself(counting, monkeypatch):
    monkeypatch.setattr("django_mailplus.smtp.pool._LOOK_AGAIN", 0.01)
    monkeypatch.setattr("django_mailplus.smtp.slots.Slot.ring", lambda slot: None)
    pool = pool_to(counting, size=1)
    lease = pool.lease()
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(pool.lease)
        eventually(lambda: pool.stats.waiting == 1)
        lease.release(reusable=True)
        with waiting.result(20) as other:
            assert not other.fresh


def test_a_session_arriving_at_the_last_moment_is_taken(counting, monkeypatch):
    pool = pool_to(counting, size=1, timeout=0.05)
    lease = pool.lease()
    give_up = Pool._give_up

    def too_late(pool, slot):
        lease._slot.connection.idle_since = time.monotonic()
        pool._settle(lease._slot, keep=True)
        return give_up(pool, slot)

    monkeypatch.setattr(Pool, "_give_up", too_late)
    with pool.lease() as other:
        assert not other.fresh
    assert pool.stats.timeouts == 0
    assert "0 in use, 1 idle, 0 waiting" in repr(pool)
