"""Kills workers and senders at random, and prints what it came to.

    python tests/outbox/survival/run.py [--rounds 1000] [--seed 1] [--only sqlite]

The rounds are shared among the databases that are here. Not lost and not above the cap is
what the outbox promises; ends with 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).resolve()
sys.path[:0] = [str(_HERE.parents[2])]
sys.path.append(str(_HERE.parents[3]))  # where the package is not installed

from outbox.survival.databases import KINDS, missing  # noqa: E402
from outbox.survival.kills import Figures, kill_senders, kill_workers, rounds_for  # noqa: E402
from outbox.survival.stage import staged  # noqa: E402

_HEAD = (
    "database", "killed", "rounds", "kills", "mails", "lost",
    "sent twice", "worst kill", "cap", "held", "held and sent twice",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", choices=KINDS, action="append")
    given = parser.parse_args()
    kinds = [kind for kind in given.only or KINDS if not missing(kind)]
    rounds = rounds_for(len(kinds), given.rounds)
    kept = True
    print("| " + " | ".join(_HEAD) + " |")
    print("| --- " * len(_HEAD) + "|")
    for kind in kinds:
        for who, figures in _both(kind, rounds, given.seed):
            kept &= figures.kept
            print(_row(kind, who, figures), flush=True)
    return not kept


def _both(kind: str, rounds: int, seed: int | None) -> list[tuple[str, Figures]]:
    with staged(kind) as stage, tempfile.TemporaryDirectory() as directory:
        workers = kill_workers(stage, rounds - rounds // 4, seed=seed)
        stage.start_over()
        senders = kill_senders(stage, rounds // 4, seed=seed, directory=Path(directory))
        return [("worker", workers), ("sender", senders)]


def _row(kind: str, who: str, found: Figures) -> str:
    values = (
        kind, who, found.rounds, found.kills, found.mails, found.lost,
        found.duplicates, found.worst, found.cap, found.held, found.held_and_repeated,
    )  # fmt: skip
    return "| " + " | ".join(map(str, values)) + " |"


if __name__ == "__main__":
    sys.exit(main())
