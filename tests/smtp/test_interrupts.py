"""Interrupts and time limits in the middle of a batch: no outcome is a lie for them.

A task queue ends a task that takes too long with an exception out of a signal handler,
which may strike at any moment.
"""

from __future__ import annotations

import signal
import threading

import pytest
from misbehaving_server import MisbehavingServer
from smtp.batches import BOTH, job, kinds, open_session

from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.parallel import send_parallel
from django_mailplus.smtp.pipeline import send_all
from django_mailplus.smtp.pool import Pool

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="no signals to a thread"
)


class TimeLimit(Exception):  # noqa: N818 (no error, and none of ours)
    pass


class InterruptingServer(MisbehavingServer):
    """Sends the main thread a signal in the place of its first reply to a step."""

    def __init__(self, step, **script):
        self.step = step
        self.struck = threading.Event()
        super().__init__(**script)

    def _say(self, session, step, line=""):
        if step == self.step and not self.struck.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            self.struck.wait(10)
        return super()._say(session, step, line)


@pytest.fixture
def strike():
    """What the next SIGUSR1 raises."""
    before = signal.getsignal(signal.SIGUSR1)

    def on_signal(server, kind):
        def handler(*_):
            server.struck.set()
            raise kind

        signal.signal(signal.SIGUSR1, handler)

    yield on_signal
    signal.signal(signal.SIGUSR1, before)


@BOTH
@pytest.mark.parametrize("kind", [TimeLimit, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(
    ("step", "fate"),
    [("mail", "transient"), ("data", "transient"), ("content", "unknown")],
)
def test_an_interrupt_leaves_the_outcome_of_the_message_it_struck(
    strike, ehlo, kind, step, fate
):
    outcomes = []
    with InterruptingServer(step, ehlo=ehlo) as server:
        strike(server, kind)
        session = open_session(server)
        try:
            outcomes.extend(outcome for outcome in send_all(session, [job(1), job(2)]))
        except BaseException as error:  # raised, after the outcome
            assert type(error) is kind  # noqa: PT017
        server.settle()
    assert kinds(outcomes)[0] == fate
    assert type(outcomes[0].exception()) is kind
    assert "accepted" not in kinds(outcomes)
    assert session.sock is None


@pytest.mark.parametrize("kind", [TimeLimit, KeyboardInterrupt])
def test_an_interrupt_of_several_sessions_leaves_an_outcome_for_each_message(
    strike, kind
):
    outcomes = {}
    with InterruptingServer("content") as server:
        strike(server, kind)
        pool = Pool(lambda: open_session(server), Limits(size=2), name="test")
        jobs = [(n, job(n)) for n in range(20)]
        with pytest.raises(kind):  # noqa: PT012
            for label, outcome in send_parallel(pool, jobs, connections=2):
                outcomes[label] = outcome  # noqa: PERF403 (kept when it raises)
        pool.drain()
        server.settle()
    taken = {taken.sender for taken in server.taken}
    for label, outcome in outcomes.items():
        assert (outcome.kind == "accepted") == (f"ann{label}@example.com" in taken)
    assert len(taken) == kinds(outcomes.values()).count("accepted")
