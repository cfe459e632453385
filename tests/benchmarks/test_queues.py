"""The measuring of the outbox measures all its rows; nothing passes or fails on a clock."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "queues" / "run.py"
PEERS = ("post_office", "mailer")

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        not all(map(find_spec, PEERS)), reason="no django-post_office or django-mailer"
    ),
]


def run(*arguments):
    result = subprocess.run(
        [sys.executable, str(RUN), "--quick", "--database", "sqlite", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_row_is_printed():
    output = run()
    for title in (
        "20 mails of 9 kB into the queue",
        "one send_mail at a time",
        "20 mails out of the queue, one process",
        "four worker processes to one",
        "memory of a worker over 100 mails",
    ):
        assert title in output
    for turn in ("a claim of 24", "a claim of 100", "24 told of and 24 claimed"):
        assert re.search(
            rf"{turn}, 2,000 rows, to .*[\d.]+ x +[\d.]+ ms +[\d.]+ ms", output
        )
    assert len(re.findall(r"[\d.]+ x ", output)) == 12


def test_far_from_the_server_is_a_run_of_its_own():
    assert re.search(
        r"10 mails out of the queue, 20 ms from.*[\d.]+ x", run("--rows", "far")
    )
