"""kill -9 at random moments, and what it comes to: lost, sent twice, left to a human."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from outbox.survival.stage import Stage

__all__ = ["Figures", "kill_senders", "kill_workers", "rounds_for"]

LEASE = 2.0  # seconds, as in the settings of the stage; the mails of a worker that was killed are free again after it
_SHORT = 102  # rounds, over all databases


def rounds_for(databases: int, rounds: int | None = None) -> int:
    """For each of so many."""
    rounds = rounds or int(os.environ.get("MAILPLUS_KILL_ROUNDS", _SHORT))
    return -(-rounds // databases)


@dataclass(slots=True, kw_only=True)
class Figures:
    """`duplicates` are deliveries too many; `worst` the most that one kill can have caused.

    `cap` bounds that: a worker has sent no more than so many mails that are not recorded.
    No more than `window` are claimed.
    `held` are the mails with on_unknown="hold" that ended as unknown.
    """

    rounds: int = 0
    kills: int = 0
    mails: int = 0
    lost: int = 0
    duplicates: int = 0
    worst: int = 0
    cap: int = 0
    claimed: int = 0  # the most that one worker had when it was killed
    window: int = 0
    held: int = 0
    held_and_repeated: int = 0
    seconds: float = 0.0
    states: dict[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether it is as the outbox promises."""
        return (
            self.lost == self.held_and_repeated == 0
            and self.worst <= self.cap
            and self.claimed <= self.window
            and self.duplicates <= self.kills * self.cap
            and set(self.states) <= {"sent", "unknown"}
        )


def kill_workers(
    stage: Stage, rounds: int, *, seed: int | None = None, mails: int = 24
) -> Figures:
    """In each round two workers send, and at least one of them is killed.

    Half of the mails are to be tried again when nobody knows, half are held.
    """
    figures = Figures(rounds=rounds, cap=stage.cap, window=stage.window)
    chance = random.Random(seed)  # noqa: S311 - when to kill is no secret
    started = time.monotonic()
    stage.sink.pause = lambda: chance.choice((0, 0, 0.002, 0.02))
    retried: set[str] = set()
    held: set[str] = set()
    handed: list[tuple[int, set[str]]] = []
    living: list[int] = []
    for _ in range(rounds):
        retried.update(stage.call("enqueue", count=mails // 2))
        held.update(stage.call("enqueue", count=mails // 2, mailer="hold"))
        while len(living) < 2:
            living.append(stage.start(lease=LEASE))
        _wait_for_some(stage, chance)
        for pid in chance.sample(living, chance.choice((1, 1, 2))):
            stage.kill(pid)
            living.remove(pid)
            handed.append((pid, set(stage.call("claimed_by", pid=pid))))
    for pid in living:
        stage.kill(pid, signal.SIGTERM)
        assert stage.wait(pid) is not None
    stage.sink.pause = lambda: 0.0
    stage.drain(lease=LEASE)
    _count(figures, stage, retried, held, handed)
    figures.seconds = time.monotonic() - started
    return figures


def kill_senders(
    stage: Stage, rounds: int, *, directory: Path, seed: int | None = None
) -> Figures:
    """The process that enqueues is the one that sends, and the one that is killed."""
    figures = Figures(rounds=rounds, cap=stage.cap, window=stage.window)
    chance = random.Random(seed)  # noqa: S311 - when to kill is no secret
    started = time.monotonic()
    stage.sink.pause = lambda: chance.choice((0, 0, 0.002, 0.02))
    report = directory / "committed"
    handed: list[tuple[int, set[str]]] = []
    for _ in range(rounds):
        pid = stage.start("send_and_report", path=str(report), pause=0.005)
        _wait_for_some(stage, chance)
        stage.kill(pid)
        handed.append((pid, set(stage.call("claimed_by", pid=pid))))
    stage.sink.pause = lambda: 0.0
    stage.drain(lease=LEASE)
    committed = set(report.read_text().split())
    _count(figures, stage, committed, set(), handed)
    figures.seconds = time.monotonic() - started
    return figures


def _wait_for_some(stage: Stage, chance: random.Random) -> None:
    """A random moment: most often while mails are on their way, sometimes before."""
    enough = len(stage.sink.taken) + chance.choice((0, 1, 1, 4, 9))
    until = time.monotonic() + 2
    while len(stage.sink.taken) < enough and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.03))


def _count(
    figures: Figures,
    stage: Stage,
    retried: set[str],
    held: set[str],
    handed: list[tuple[int, set[str]]],
) -> None:
    """`lost` are mails that never came to the server and do not say so, either."""
    accepted = stage.sink.accepted()
    mails = {mail["message_id"]: mail for mail in stage.call("mails")}
    figures.states = dict(Counter(mail["state"] for mail in mails.values()))
    figures.kills = len(handed)
    figures.mails = len(mails)
    unknown = {m for m, mail in mails.items() if mail["state"] == "unknown"}
    figures.held = len(unknown)
    known = retried | held | mails.keys()
    figures.lost = len(known - mails.keys())
    figures.lost += sum(not accepted[m] for m in known - (unknown & held))
    twice = {m for m, times in accepted.items() if times > 1}
    figures.duplicates = sum(accepted[m] - 1 for m in twice)
    figures.held_and_repeated = len(twice & held)
    figures.claimed = max((len(mails) for _, mails in handed), default=0)
    figures.worst = max((_sent(stage, *each) for each in handed), default=0)


def _sent(stage: Stage, pid: int, unrecorded: set[str]) -> int:
    """How many mails a process had sent that it has not recorded."""
    return len(unrecorded & stage.sink.accepted(client=f"process-{pid}").keys())
