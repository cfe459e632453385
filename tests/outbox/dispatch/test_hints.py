"""Hints over a network: off the request, together, again after trouble, and last at exit."""

from __future__ import annotations

import os
import threading
import time

import pytest

from django_mailplus.outbox.dispatch import hints
from django_mailplus.outbox.dispatch.hints import Hints


class Wire:
    """Notes what is sent, and when; `broken` makes it fail."""

    def __init__(self):
        self.sent = []
        self.opened = self.closed = 0
        self.broken = False
        self.came = threading.Semaphore(0)
        self.tried = threading.Semaphore(0)
        self.held = threading.Event()
        self.held.set()

    def open(self):
        self.opened += 1
        return self

    def send(self, alias):
        self.tried.release()
        self.held.wait(10)
        if self.broken:
            raise OSError("no broker")
        self.sent.append((alias, time.monotonic()))
        self.came.release()

    def close(self):
        self.closed += 1

    def names(self):
        return [alias for alias, _ in self.sent]


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def told(wire, monkeypatch):
    monkeypatch.setattr(hints, "APART", 0.2)
    monkeypatch.setattr(hints, "QUIET", 0.3)
    found = Hints(wire.open, name="hints of a test")
    yield found
    found.finish()
    assert _ended(found)


def _ended(told):
    end = time.monotonic() + 10
    while told._thread is not None and time.monotonic() < end:
        time.sleep(0.005)
    return told._thread is None


def test_the_first_leaves_at_once_and_the_next_go_together(told, wire):
    told.send("smtp")
    assert wire.came.acquire(timeout=10)
    for _ in range(50):
        told.send("smtp")
    after = time.monotonic()
    assert wire.came.acquire(timeout=10)
    assert _ended(told)
    # One for the fifty, later than the last of them was committed.
    assert wire.names() == ["smtp", "smtp"]
    assert wire.sent[1][1] >= after
    assert wire.sent[1][1] - wire.sent[0][1] >= 0.2


def test_one_that_comes_while_another_is_sent_is_not_lost(told, wire):
    wire.held.clear()
    told.send("smtp")
    assert wire.tried.acquire(timeout=10)
    told.send("smtp")
    wire.held.set()
    assert wire.came.acquire(timeout=10)
    assert wire.came.acquire(timeout=10)


def test_mailers_do_not_wait_for_each_other(told, wire):
    told.send("one")
    told.send("two")
    assert wire.came.acquire(timeout=10)
    assert wire.came.acquire(timeout=10)
    assert sorted(wire.names()) == ["one", "two"]


def test_what_could_not_be_sent_is_sent_when_the_broker_is_back(
    told, wire, monkeypatch, caplog
):
    monkeypatch.setattr(hints, "LONGEST_PAUSE", 0.05)
    wire.broken = True
    told.send("smtp")
    assert wire.tried.acquire(timeout=10)
    wire.broken = False
    assert wire.came.acquire(timeout=10)
    assert "No hint was sent" in caplog.text


def test_nothing_is_held_when_it_is_quiet(told, wire):
    told.send("smtp")
    assert wire.came.acquire(timeout=10)
    assert _ended(told)
    told.send("smtp")
    assert wire.came.acquire(timeout=10)
    assert _ended(told)
    assert wire.opened == 2


def test_at_exit_those_that_wait_leave(told, wire, monkeypatch):
    monkeypatch.setattr(hints, "APART", 60.0)
    told.send("smtp")
    assert wire.came.acquire(timeout=10)
    told.send("smtp")
    told.finish()
    assert wire.names() == ["smtp", "smtp"]
    assert wire.closed == 1


def test_a_broker_that_does_not_answer_delays_the_exit_for_seconds_only(
    told, wire, monkeypatch
):
    monkeypatch.setattr(hints, "LAST_HINTS", 0.05)
    wire.held.clear()
    told.send("smtp")
    told.finish()
    assert wire.names() == []
    wire.held.set()
    assert wire.came.acquire(timeout=10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_sends_its_own_and_not_its_parents(told, wire):
    told.send("smtp")
    assert wire.came.acquire(timeout=10)
    told.send("smtp")  # waits for its time
    if not (child := os.fork()):
        wire.sent.clear()
        told.send("child")
        told.finish()
        os._exit(wire.names() != ["child"])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert wire.came.acquire(timeout=10)
