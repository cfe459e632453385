"""How fast the outbox is, as ratios to other queues for Django in the same run.

    tox -e bench-outbox -- [--quick] [--database sqlite] [--rows NAME,...] [--markdown]

Prints a table; nothing passes or fails. Wants PostgreSQL on this machine, or SQLite.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    title: str
    count: int
    quick: int
    rounds: int


ROWS = {
    "enqueue": Row(
        title="{count:,} mails of 9 kB into the queue in one call",
        count=10_000,
        quick=20,
        rounds=3,
    ),
    "one": Row(
        title="one send_mail at a time, to two bare rows",
        count=1_000,
        quick=10,
        rounds=5,
    ),
    "drain": Row(
        title="{count:,} mails out of the queue, one process",
        count=10_000,
        quick=20,
        rounds=1,
    ),
    "far": Row(
        title="{count:,} mails out of the queue, 20 ms from the server",
        count=1_000,
        quick=10,
        rounds=1,
    ),
    "processes": Row(
        title="four worker processes to one, {count:,} mails",
        count=10_000,
        quick=40,
        rounds=3,
    ),
    "claim": Row(
        title="{count:,} rows, to 1,000",
        count=1_000_000,
        quick=2_000,
        rounds=40,
    ),
    "memory": Row(
        title="memory of a worker over {count:,} mails",
        count=50_000,
        quick=100,
        rounds=1,
    ),
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--database", default="postgresql", choices=("postgresql", "sqlite")
    )
    parser.add_argument(
        "--rows",
        default=list(ROWS),
        type=lambda text: text.split(","),
        help=", ".join(ROWS),
    )
    parser.add_argument("--quick", action="store_true", help="few mails, one round")
    parser.add_argument(
        "--count", type=int, help="mails, in place of each row's own number"
    )
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--profile", metavar="ROW", help="where our time goes in it")
    arguments = parser.parse_args()
    wanted = [arguments.profile] if arguments.profile else arguments.rows
    if unknown := sorted(set(wanted) - set(ROWS)):
        parser.error(f"no rows {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return arguments


def _row(name: str, arguments: argparse.Namespace) -> Row:
    row = ROWS[name]
    if arguments.quick:
        row = replace(row, count=row.quick, rounds=1)
    return replace(row, count=arguments.count) if arguments.count else row


def _lines(name: str, row: Row, stage: tuple[str, str, int]) -> Iterator[Any]:
    from benchmarks.queues import contestants
    from benchmarks.rounds import race
    from benchmarks.table import Line, rate, ratio

    title = row.title.format(count=row.count)
    if name == "claim":
        yield from _claim_lines(title, row)
        return
    if name == "memory":
        yield Line(
            title=title, measured=f"{_growth(row.count, stage) / 1e6:.1f} MB more"
        )
        return
    field = {
        "enqueue": contestants.enqueue,
        "one": contestants.one_by_one,
        "drain": contestants.drain,
        "far": contestants.connections,
        "processes": lambda: contestants.processes(stage),
    }[name]()
    base, *others = race(field, count=row.count, rounds=row.rounds)
    for number, score in enumerate(others):
        yield Line(
            title=f"beside it: {score.contestant.name}" if number else title,
            times="" if score.contestant.missing else ratio(score.ratio),
            spread=f"{ratio(score.lowest)} to {ratio(score.highest)}"
            if row.rounds > 1
            else "",
            django=rate(base.seconds) if base.seconds else "",
            measured=rate(score.seconds) if score.seconds else "",
            note=score.contestant.missing or base.contestant.name,
        )


def _claim_lines(title: str, row: Row) -> Iterator[Any]:
    from benchmarks.queues.claiming import TURNS, milliseconds
    from benchmarks.table import Line, ratio

    medians = (milliseconds(count, rounds=row.rounds) for count in (1_000, row.count))
    for turn, few, many in zip(TURNS, *medians, strict=True):
        yield Line(
            title=f"{turn}, {title}",
            times=ratio(few / many),
            django=f"{few:.2f} ms",
            measured=f"{many:.2f} ms",
            note="1,000 rows",
        )


def _growth(count: int, stage: tuple[str, str, int]) -> int:
    from benchmarks.queues.contestants import WORKER, _ours, _queued

    _queued(_ours, count)
    worker = [sys.executable, "-X", "dev=0", str(WORKER), *map(str, stage), "--growth"]
    result = subprocess.run(
        worker, input="go\n", capture_output=True, text=True, check=True
    )
    return int(result.stdout.split()[-1])


def main() -> None:
    tests = str(HERE.parents[1])
    sys.path[:] = [tests, *(path for path in sys.path if path != str(HERE))]
    from benchmarks import servers
    from benchmarks.queues import contestants, project
    from benchmarks.rounds import profiled
    from benchmarks.table import as_markdown, as_text

    arguments = parse()
    rows = [arguments.profile] if arguments.profile else arguments.rows
    far = rows == ["far"]
    if "far" in rows and not far:  # the server of a run is in its settings
        rows = [name for name in rows if name != "far"]
        print("far wants a run of its own: --rows far", file=sys.stderr)
    lines = []
    with contextlib.ExitStack() as stack:
        sink = servers.smtp_sink if servers.postfix("smtp-sink") else servers.own_sink
        port = stack.enter_context(sink())
        if far:
            port = stack.enter_context(servers.delayed(port, 20))
        name = stack.enter_context(project.database(arguments.database, port))
        stage = (arguments.database, name, port)
        if arguments.profile:
            field = {"enqueue": contestants.enqueue, "one": contestants.one_by_one}
            ours = field.get(arguments.profile, contestants.drain)()[1]
            print(profiled(ours, count=_row(arguments.profile, arguments).count))
            return
        for name in rows:
            print(f"{name} ...", file=sys.stderr, flush=True)
            lines += _lines(name, _row(name, arguments), stage)
    command = f"tox -e bench-outbox -- --database {arguments.database}"
    print((as_markdown if arguments.markdown else as_text)(lines, command, "the other"))


if __name__ == "__main__":
    main()
