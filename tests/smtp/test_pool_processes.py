"""A pool in a process that forks, ends or is interrupted; the server tells what it saw."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from scripted_server import SILENCE, server_context
from smtp.pool_stage import CountingServer, eventually

TESTS = Path(__file__).resolve().parents[1]
PRELUDE = """
from __future__ import annotations
import atexit, contextlib, gc, os, random, signal, sys, threading, time
port, trusted = int(sys.argv[1]), sys.argv[2]

def mail(pool):
    with pool.lease() as lease:
        lease.session.mail_something()
        return lease.fresh

def expect_success_of(child):
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
POOL = """
from smtp.pool_stage import pool_to
pool = pool_to(port=port, trusted=trusted)
"""
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def counting():
    with CountingServer() as server:
        yield server


@pytest.fixture(params=["plain", "TLS"])
def either(request, tmp_path):
    """A server and the file by which its certificate is trusted, if it has one."""
    if request.param == "plain":
        with CountingServer() as server:
            yield server, ""
    else:
        pytest.importorskip("cryptography", reason="no cryptography")
        context, trusted = server_context(tmp_path)
        with CountingServer(tls=context) as server:
            yield server, str(trusted)


def run(script, server, trusted="", flags=("-X", "dev", "-W", "error"), quiet=True):
    """Run it where every warning is an error, and expect silence."""
    done = subprocess.run(
        [
            sys.executable,
            *flags,
            "-c",
            PRELUDE + textwrap.dedent(script),
            str(server.port),
            trusted,
        ],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert not quiet or done.stderr == ""


def count(server, verb):
    return sum(command.lower().startswith(verb) for command in server.commands)


@needs_fork
@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)"])
def test_a_child_begins_empty_and_leaves_the_parents_connections_alone(either, end):
    server, trusted = either
    script = f"""
    assert mail(pool)
    if not (child := os.fork()):
        assert "0 in use, 0 idle, 0 waiting" in repr(pool)
        assert pool.stats.opened == 0
        assert mail(pool)
        assert not mail(pool)
        {end}
    expect_success_of(child)
    assert not mail(pool)
    """
    run(POOL + textwrap.dedent(script), server, trusted)
    assert count(server, "ehlo") == 2
    assert len(server.messages) == 4
    assert count(server, "quit") == (2 if "sys" in end else 1)


@needs_fork
def test_a_child_of_a_process_with_an_open_backend_has_a_connection_of_its_own(
    counting,
):
    script = """
    import django
    from django.conf import settings
    settings.configure()
    django.setup()
    from django.core.mail import EmailMessage
    from django_mailplus.backends.smtp import EmailBackend
    def send():
        assert backend.send_messages(
            [EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])]
        ) == 1
    with EmailBackend(host="127.0.0.1", port=port, alias="default") as backend:
        if not (child := os.fork()):
            send()
            sys.exit(0)
        expect_success_of(child)
        send()
    """
    run(script, counting)
    assert count(counting, "ehlo") == count(counting, "quit") == 2
    assert len(counting.messages) == 2


@needs_fork
def test_a_lease_does_not_go_over_to_a_child(either):
    server, trusted = either
    script = """
    mail(pool)
    with pool.lease() as lease:
        session = lease.session
        if not (child := os.fork()):
            with contextlib.suppress(RuntimeError):
                lease.session
                os._exit(1)
            with contextlib.suppress(OSError):
                session.noop()
                os._exit(2)
            lease.release(reusable=True)
            assert "0 in use, 0 idle" in repr(pool)
            del lease, session
            gc.collect()
            sys.exit(0)
        expect_success_of(child)
        session.mail_something()
    """
    run(POOL + textwrap.dedent(script), server, trusted)
    assert count(server, "ehlo") == 1
    assert count(server, "noop") == 0
    assert len(server.messages) == 2
    assert server.commands[-1] == "quit"


@needs_fork
def test_a_server_learns_that_the_parent_dropped_though_the_child_lives(counting):
    script = """
    lease = pool.lease()
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.close(writer)
        os.read(reader, 1)  # until the parent ends
        os._exit(0)
    os.close(reader)
    lease.release(reusable=False)
    mail(pool)
    pool.drain()
    sys.stdin.read()
    os.close(writer)
    """
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PRELUDE + POOL + textwrap.dedent(script),
            str(counting.port),
            "",
        ],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        stdin=subprocess.PIPE,
    )
    with process:
        eventually(lambda: count(counting, "quit") == 1)
        eventually(lambda: counting.connected == 0)
        assert process.poll() is None
        process.communicate(timeout=20)
    assert process.returncode == 0


@needs_fork
def test_a_fork_that_python_is_not_told_of_is_noticed(counting):
    if not sys.platform.startswith("linux"):
        pytest.skip("no way to fork in C is known here")
    script = """
    import ctypes
    mail(pool)
    with pool.lease() as held, pool.lease():
        pass
    held = pool.lease()
    if not (child := ctypes.PyDLL(None).fork()):
        held.release(reusable=True)
        assert "0 in use, 0 idle" in repr(pool)
        assert mail(pool)
        sys.exit(0)
    expect_success_of(child)
    held.session.mail_something()
    held.release(reusable=True)
    assert not mail(pool)
    """
    run(POOL + textwrap.dedent(script), counting)
    assert count(counting, "ehlo") == 3
    assert count(counting, "quit") == 3
    assert len(counting.messages) == 4


@needs_fork
def test_a_child_can_mail_whatever_other_threads_were_doing(counting):
    script = """
    stop, ends = threading.Event(), []

    def keep_mailing():
        while not stop.is_set():
            mail(pool)

    threads = [threading.Thread(target=keep_mailing) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        if not (child := os.fork()):
            signal.alarm(20)
            mail(pool)
            os._exit(0)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    for thread in threads:
        thread.join()
    assert ends == [0] * 20, ends
    assert "0 in use" in repr(pool)
    """
    # Python is right to warn of forks among threads; this one is to go well.
    run(POOL + textwrap.dedent(script), counting, flags=("-W", "ignore"))
    assert count(counting, "data") == len(counting.messages)


@pytest.mark.parametrize("idle", [1, 3])
def test_connections_are_parted_with_at_exit(either, idle):
    server, trusted = either
    script = f"""
    with contextlib.ExitStack() as stack:
        for _ in range({idle}):
            stack.enter_context(pool.lease()).session.mail_something()
    """
    run(POOL + textwrap.dedent(script), server, trusted)
    assert count(server, "quit") == count(server, "ehlo") == idle
    eventually(lambda: server.connected == 0)


def test_a_pool_that_is_not_used_any_more_is_parted_with_at_exit_too(counting):
    run(POOL + "mail(pool)\ndel pool\ngc.collect()", counting)
    assert count(counting, "quit") == 1


def test_a_server_that_does_not_answer_quit_cannot_keep_a_process_alive():
    with CountingServer(quit=SILENCE) as server:
        script = """
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                stack.enter_context(pool.lease())
        """
        ready = POOL.replace("port=port", "port=port, size=8")
        run(ready + textwrap.dedent(script), server)
        # Those beyond the time for goodbyes are closed without one.
        assert 1 <= count(server, "quit") < 8


def test_mail_at_exit_still_goes_out(counting):
    # Callbacks run in reverse: this one after the pool said its goodbyes.
    run("atexit.register(lambda: mail(pool))\n" + POOL + "mail(pool)", counting)
    assert len(counting.messages) == 2
    assert count(counting, "quit") == count(counting, "ehlo") == 2


def test_a_thread_that_waits_does_not_hinder_the_exit(counting):
    script = """
    held = [pool.lease() for _ in range(3)]
    threading.Thread(target=mail, args=(pool,), daemon=True).start()
    while not pool.stats.waiting:
        time.sleep(0.001)
    for lease in held[1:]:
        lease.session.mail_something()
    os.close(2)  # what a lease that is never released is worth saying is said elsewhere
    """
    run(POOL + textwrap.dedent(script), counting, flags=())


@needs_fork
@pytest.mark.parametrize("size", [1, 2])
def test_interrupts_at_any_moment_lose_no_slot_and_starve_nobody(counting, size):
    script = """
    def interrupt(*_):
        raise KeyboardInterrupt

    def use(pool):
        with pool.lease() as lease:
            lease.session.noop()

    signal.signal(signal.SIGALRM, interrupt)
    stop = threading.Event()

    def keep_mailing():
        while not stop.is_set():
            use(pool)

    threads = [threading.Thread(target=keep_mailing) for _ in range(2)]
    for thread in threads:
        thread.start()
    dice, interrupted = random.Random(1), 0
    while interrupted < 150:
        try:
            signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00001, 0.003))
            use(pool)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            interrupted += 1
    stop.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    gc.collect()
    assert "0 in use" in repr(pool) and "0 waiting" in repr(pool), pool
    """
    ready = POOL.replace("port=port", f"port=port, size={size}, timeout=20")
    # Python tells of an interrupt that came while a finalizer ran.
    run(ready + textwrap.dedent(script), counting, flags=("-W", "ignore"), quiet=False)
    eventually(lambda: counting.connected == 0)
