"""An interrupt at every place of the pool where Python can be interrupted, one by one."""

from __future__ import annotations

import gc
import sys
import threading

import pytest
from smtp.pool_stage import CountingServer, eventually, pool_to

from django_mailplus.smtp import pool as pool_module

pytestmark = pytest.mark.filterwarnings(
    "ignore:A lease of:ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",  # a finalizer was struck
)


def interrupted(act, at):
    """Do it, with an interrupt at the place of that number; whether there was one.

    Python looks for signals where a function begins and where a call has returned.
    """
    passed = 0

    def strike(frame, event, _):
        nonlocal passed
        if frame.f_code.co_filename == pool_module.__file__ and event != "c_call":
            passed += 1
            if passed == at:
                raise KeyboardInterrupt

    profiler = sys.getprofile()
    sys.setprofile(strike)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(profiler)
    return passed >= at  # a finalizer was struck, which swallows it


def use(pool):
    with pool.lease() as lease:
        lease.session.noop()


@pytest.fixture
def counting():
    with CountingServer() as server:
        yield server


@pytest.mark.parametrize("opened", [False, True], ids=["fresh", "idle"])
def test_no_slot_is_lost_to_an_interrupt_anywhere(counting, opened):
    at, more = 0, True
    while more:
        pool = pool_to(counting, size=1, timeout=5)
        if opened:
            use(pool)
        at += 1
        more = interrupted(lambda pool=pool: use(pool), at)
        gc.collect(1)
        use(pool)
        assert "0 in use" in repr(pool), f"place {at}"
        assert "0 waiting" in repr(pool), f"place {at}"
        pool.drain()
    assert at > 50
    eventually(lambda: counting.connected == 0)


def test_whoever_waits_is_served_wherever_the_release_is_interrupted(
    counting, monkeypatch
):
    monkeypatch.setattr(pool_module, "_LOOK_AGAIN", 0.01)
    at, more = 0, True
    while more:
        pool = pool_to(counting, size=1, timeout=10)
        held = [pool.lease()]
        waiter = threading.Thread(target=use, args=(pool,))
        waiter.start()
        eventually(lambda pool=pool: pool.stats.waiting)
        at += 1
        more = interrupted(lambda held=held: held[0].release(reusable=True), at)
        held.clear()
        gc.collect(1)
        waiter.join(10)
        assert not waiter.is_alive(), f"place {at}"
        assert "0 in use, 1 idle, 0 waiting" in repr(pool), f"place {at}"
        pool.drain()
    assert at > 20
