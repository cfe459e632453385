"""kill -9: nothing is lost, and what is sent twice is bounded.

A short form of `run.py`; MAILPLUS_KILL_ROUNDS are rounds over all databases together.
"""

from __future__ import annotations

import pytest
from outbox.survival.databases import KINDS
from outbox.survival.kills import kill_senders, kill_workers, rounds_for

ROUNDS = rounds_for(len(KINDS))
SENDERS = max(4, ROUNDS // 6)
pytestmark = pytest.mark.timeout(60 + 3 * ROUNDS)


def test_workers_that_are_killed(stage):
    figures = kill_workers(stage, ROUNDS - SENDERS)
    assert figures.kept, (figures, stage.words())


def test_senders_that_are_killed(stage, tmp_path):
    figures = kill_senders(stage, SENDERS, directory=tmp_path)
    assert figures.mails > SENDERS
    assert figures.kept, (figures, stage.words())
