"""A pool lends sessions again, and nobody gets a dead one, over real sockets."""

from __future__ import annotations

import gc
import smtplib
import socket
import time

import pytest
from scripted_server import CLOSE, SILENCE, ScriptedServer
from smtp.pool_stage import CountingServer, Session, eventually, pool_to

from django_mailplus.exceptions import MailplusError, PoolTimeout
from django_mailplus.smtp import transcript
from django_mailplus.smtp.connection import SMTP
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.pool import Pool, sweep
from django_mailplus.smtp.registry import close_all, pool_of


@pytest.fixture(autouse=True)
def _nothing_left():
    yield
    close_all()


@pytest.fixture
def counting():
    with CountingServer() as server:
        yield server


def state(pool):
    return repr(pool).removeprefix("<Pool smtp.example.com:587: ").removesuffix(">")


def figures(pool, *names):
    return tuple(getattr(pool.stats, name) for name in names)


def test_a_session_is_lent_again_and_the_pool_says_what_it_holds(counting):
    pool = pool_to(counting, size=5)
    assert repr(pool) == (
        "<Pool smtp.example.com:587: 0 in use, 0 idle, 0 waiting of 5>"
    )
    with pool.lease() as lease:
        first = lease.session
        assert lease.fresh
        assert state(pool) == "1 in use, 0 idle, 0 waiting of 5"
    assert state(pool) == "0 in use, 1 idle, 0 waiting of 5"
    with pool.lease() as lease:
        assert lease.session is first
        assert not lease.fresh
        lease.session.mail_something()
    assert len(counting.messages) == 1
    assert figures(pool, "opened", "reused", "closed", "waited") == (1, 1, 0, 0)
    assert (pool.stats.size, pool.stats.idle, pool.stats.in_use) == (5, 1, 0)


def test_the_session_used_last_is_lent_first(counting):
    pool = pool_to(counting)
    leases = [pool.lease() for _ in range(3)]
    sessions = [lease.session for lease in leases]
    for at in (0, 2, 1):
        leases[at].release(reusable=True)
    with pool.lease() as one, pool.lease() as two:
        assert (one.session, two.session) == (sessions[1], sessions[2])


def test_a_block_that_raises_drops_the_session_without_a_word(counting):
    pool = pool_to(counting)
    with pytest.raises(ValueError, match="mine"), pool.lease():
        raise ValueError("mine")
    assert state(pool) == "0 in use, 0 idle, 0 waiting of 3"
    eventually(lambda: counting.connected == 0)
    assert "quit" not in counting.commands
    assert figures(pool, "opened", "closed") == (1, 1)


def test_a_session_in_an_unknown_state_is_dropped(counting):
    pool = pool_to(counting)
    lease = pool.lease()
    lease.release(reusable=False)
    assert state(pool) == "0 in use, 0 idle, 0 waiting of 3"


def test_a_lease_ends_once(counting):
    pool = pool_to(counting)
    lease = pool.lease()
    lease.release(reusable=True)
    lease.release(reusable=False)
    assert state(pool) == "0 in use, 1 idle, 0 waiting of 3"
    with pytest.raises(RuntimeError, match="was released"):
        _ = lease.session
    with pytest.raises(RuntimeError), lease:
        lease.replace()
    assert counting.connected == 1


def test_whoever_waits_in_vain_is_told_how_many_and_what_to_do(counting):
    pool = pool_to(counting, size=1, timeout=0.01)
    with pool.lease(), pytest.raises(PoolTimeout) as caught:
        pool.lease()
    assert str(caught.value) == (
        "smtp.example.com:587: no connection came free in 0.01 seconds (the pool has"
        " 1, others waiting: 0). Raise 'pool_size' if the mail server allows you"
        " more connections, or 'pool_timeout' to wait longer."
    )
    assert isinstance(caught.value, MailplusError)
    assert isinstance(caught.value, TimeoutError)
    assert figures(pool, "waited", "timeouts") == (1, 1)
    assert state(pool) == "0 in use, 1 idle, 0 waiting of 1"


def test_with_no_time_to_wait_a_free_session_is_still_had(counting):
    pool = pool_to(counting, size=1, timeout=0)
    for _ in range(3):
        with pool.lease(), pytest.raises(PoolTimeout):
            pool.lease()
    assert pool.stats.opened == 1


def test_connections_that_a_restart_cut_are_replaced_unseen(counting):
    pool = pool_to(counting)
    with pool.lease(), pool.lease():
        pass
    idle = [connection.session for connection in pool._idle]
    counting.cut_all()
    eventually(lambda: not any(session.alive() for session in idle))
    with pool.lease() as one, pool.lease() as two:
        assert (one.fresh, two.fresh) == (True, True)
        one.session.mail_something()
        two.session.mail_something()
    assert len(counting.messages) == 2
    assert figures(pool, "opened", "replaced", "closed") == (4, 2, 2)
    assert "quit" not in counting.commands


def test_a_session_to_which_the_server_said_421_unasked_is_not_lent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pool = Pool(lambda: Idle(listener.getsockname()), Limits(), name="idle")
        lease = pool.lease()
        peer, _ = listener.accept()
        session = lease.session
        lease.release(reusable=True)
        peer.sendall(b"421 4.4.2 idle for too long\r\n")
        eventually(lambda: not session.alive())
        with pool.lease() as lease:
            assert lease.session is not session
        peer.close()


class Idle(Session):
    """Connected, but not greeted."""

    def __init__(self, address):
        SMTP.__init__(self)
        self.sock = socket.create_connection(address, timeout=10)


def test_a_session_is_parted_with_after_its_messages(counting):
    pool = pool_to(counting, messages=2)
    for _ in range(4):
        with pool.lease() as lease:
            lease.session.mail_something()
    assert counting.commands.count("quit") == 2
    assert figures(pool, "opened", "reused", "closed") == (2, 2, 2)


def test_a_session_is_parted_with_after_its_lifetime(counting):
    pool = pool_to(counting, lifetime=300)
    with pool.lease() as lease:
        lease.session.created -= 300
    assert counting.commands.count("quit") == 1
    assert state(pool) == "0 in use, 0 idle, 0 waiting of 3"
    with pool.lease() as lease:
        session = lease.session
    session.created -= 300
    with pool.lease() as lease:
        assert lease.fresh
    assert counting.commands.count("quit") == 2
    assert pool.stats.replaced == 1


def test_idle_for_too_long_means_a_fresh_session(counting):
    pool = pool_to(counting, idle=0.01)
    with pool.lease() as lease:
        session = lease.session
    time.sleep(0.01)
    with pool.lease() as lease:
        assert lease.session is not session
    assert counting.commands.count("quit") == 1


def test_without_limits_a_session_stays(counting):
    pool = pool_to(counting, idle=None, lifetime=None, messages=None, timeout=None)
    for _ in range(3):
        with pool.lease() as lease:
            lease.session.created -= 1e9
            lease.session.used += 1_000_000
    assert pool.stats.opened == 1


def test_a_release_takes_leave_of_what_was_idle_for_too_long_in_any_pool(counting):
    idle = pool_to(counting, idle=0.01)
    with idle.lease(), idle.lease():
        pass
    time.sleep(0.01)
    with ScriptedServer() as another, pool_to(another).lease():
        pass
    assert counting.commands.count("quit") == 2
    assert state(idle) == "0 in use, 0 idle, 0 waiting of 3"


def test_a_process_that_mails_seldom_can_sweep(counting):
    pool = pool_to(counting, idle=0.01)
    with pool.lease():
        pass
    time.sleep(0.01)
    sweep()
    assert state(pool) == "0 in use, 0 idle, 0 waiting of 3"
    assert counting.commands[-1] == "quit"


def test_draining_parts_with_the_idle_now_and_with_the_others_later(counting):
    pool = pool_to(counting)
    with pool.lease() as lease:
        with pool.lease():
            pass
        pool.drain()
        assert counting.commands.count("quit") == 1
        lease.session.mail_something()
    assert counting.commands.count("quit") == 2
    with pool.lease() as lease:
        assert lease.fresh
    assert state(pool) == "0 in use, 1 idle, 0 waiting of 3"


def test_a_server_that_refuses_leaves_no_trace_in_the_pool():
    with ScriptedServer(banner="554 5.3.2 closed") as server:
        pool = pool_to(server, size=1, timeout=0)
        for _ in range(3):
            with pytest.raises(smtplib.SMTPConnectError):
                pool.lease()
    assert state(pool) == "0 in use, 0 idle, 0 waiting of 1"
    assert figures(pool, "opened", "failed", "closed") == (0, 3, 0)


def test_a_session_that_proves_dead_is_replaced(counting):
    pool = pool_to(counting, size=1)
    with pool.lease() as lease:
        old = lease.session
    with pool.lease() as lease:
        assert lease.replace() is lease.session
        assert lease.session is not old
        assert lease.fresh
        assert state(pool) == "1 in use, 0 idle, 0 waiting of 1"
    assert figures(pool, "opened", "replaced", "closed") == (2, 1, 1)


def test_a_replacement_that_cannot_be_opened_frees_the_slot(counting):
    pool = pool_to(counting, size=1, timeout=0)
    with pool.lease():
        pass
    counting.replies["banner"] = CLOSE
    with pytest.raises(smtplib.SMTPServerDisconnected), pool.lease() as lease:
        lease.replace()
    counting.replies["banner"] = "220 back again"
    with pool.lease() as lease:
        assert lease.fresh
    assert figures(pool, "opened", "failed", "closed") == (2, 1, 1)


@pytest.mark.parametrize("answer", [CLOSE, "500 what?", "no reply at all", SILENCE])
def test_what_quit_is_answered_is_nobodys_trouble(answer, monkeypatch):
    monkeypatch.setattr("django_mailplus.smtp.parting._GOODBYE", 0.05)
    with ScriptedServer(quit=answer) as server:
        pool = pool_to(server, messages=0)
        with pool.lease() as lease:
            sock = lease.session.sock
        assert server.commands[-1] == "quit"
        assert sock.gettimeout() <= 0.05
        assert state(pool) == "0 in use, 0 idle, 0 waiting of 3"


def test_a_goodbye_is_in_nobodys_transcript(counting):
    pool = pool_to(counting, messages=0)
    with transcript.recording() as recorded, pool.lease():
        pass
    assert counting.commands[-1] == "quit"
    assert [line for who, line in recorded.lines if who == "C"][-1].startswith("ehlo")


def test_a_lease_that_nobody_released_is_ended_when_it_is_collected(counting):
    pool = pool_to(counting, size=1, timeout=0)
    lease = pool.lease()
    with pytest.warns(ResourceWarning, match="smtp.example.com:587.*never released"):
        del lease
    assert state(pool) == "0 in use, 0 idle, 0 waiting of 1"
    eventually(lambda: counting.connected == 0)
    with pool.lease():
        pass


def test_a_lease_may_be_collected_while_the_pool_is_locked(counting):
    pool = pool_to(counting, size=1, timeout=0)
    leases = [pool.lease()]
    with pytest.warns(ResourceWarning, match="never released"):
        pool._locked(leases.clear)
    assert state(pool) == "0 in use, 0 idle, 0 waiting of 1"


def test_mailers_with_the_same_options_share_a_pool(counting):
    def connect():
        return Session(counting.host, counting.port)

    pool = pool_of("key", connect, Limits(), name="a")
    assert pool_of("key", connect, Limits(), name="a") is pool
    assert pool_of("key", connect, Limits(size=2), name="a") is not pool
    assert pool_of("other", connect, Limits(), name="a") is not pool
    close_all()
    assert pool_of("key", connect, Limits(), name="a") is not pool


def test_a_pool_lives_as_long_as_its_connections_and_no_longer(counting):
    def figures_of_the_pool():
        pool = pool_of(
            "key",
            lambda: Session(counting.host, counting.port),
            Limits(),
            name="smtp.example.com:587",
        )
        return pool, pool.stats.opened

    with figures_of_the_pool()[0].lease():
        pass
    gc.collect()
    pool, opened = figures_of_the_pool()
    assert opened == 1
    pool.drain()
    del pool
    gc.collect()
    assert figures_of_the_pool()[1] == 0


def test_an_option_without_sense_is_refused():
    with pytest.raises(ValueError, match="pool of 0"):
        Limits(size=0)
