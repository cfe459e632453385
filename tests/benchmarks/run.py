"""How fast our SMTP backend is, as ratios to Django's own in the same run.

    tox -e bench -- [--quick] [--rows NAME,...] [--markdown [--write PAGE]]

Prints a table; nothing passes or fails. Beside Postfix's smtp-sink and smtp-source,
where they are installed, everything is of the suite's own.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def parse(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows",
        default=names,
        type=lambda text: text.split(","),
        help=f"of {', '.join(names)}",
    )
    parser.add_argument("--quick", action="store_true", help="few messages, one round")
    parser.add_argument("--rounds", type=int, help="in place of each row's own number")
    parser.add_argument(
        "--own-sink", action="store_true", help="though smtp-sink is installed"
    )
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="PAGE",
        help="with --markdown: between its markers",
    )
    parser.add_argument("--profile", metavar="ROW", help="where our time goes in it")
    arguments = parser.parse_args()
    wanted = [arguments.profile] if arguments.profile else arguments.rows
    if unknown := sorted(set(wanted) - set(names)):
        parser.error(f"no rows {', '.join(unknown)}; there are {', '.join(names)}")
    if arguments.write and not arguments.markdown:
        parser.error("--write goes with --markdown")
    return arguments


def measure(stage: Any, arguments: argparse.Namespace) -> str:
    from benchmarks.rows import ROWS
    from benchmarks.table import Line, as_markdown, as_text

    lines: list[Line] = []
    for name in arguments.rows:
        print(f"{name} ...", file=sys.stderr, flush=True)
        row = ROWS[name]
        for line in row.lines(stage, quick=arguments.quick, rounds=arguments.rounds):
            # At once: a run takes minutes, and one that is stopped is not for nothing.
            print(f"  {' '.join(filter(None, astuple(line)))}", file=sys.stderr)
            lines.append(line)
    command = _command(arguments, list(ROWS))
    return (as_markdown if arguments.markdown else as_text)(lines, command)


def _command(arguments: argparse.Namespace, names: list[str]) -> str:
    """What to say for these figures again, wherever the table went."""
    words = []
    if arguments.quick:
        words.append("--quick")
    if arguments.own_sink:
        words.append("--own-sink")
    if arguments.rounds:
        words.append(f"--rounds {arguments.rounds}")
    if arguments.rows != names:
        words.append(f"--rows {','.join(arguments.rows)}")
    if environment := os.environ.get("TOX_ENV_NAME"):
        return " ".join([f"tox -e {environment}", *(["--"] if words else []), *words])
    return " ".join(["python tests/benchmarks/run.py", *words])


def profile(stage: Any, arguments: argparse.Namespace) -> str:
    from benchmarks.rounds import profiled
    from benchmarks.rows import ROWS, MemoryRow

    row = ROWS[arguments.profile]
    if isinstance(row, MemoryRow):
        raise SystemExit("memory takes no time: profile one of the other rows.")
    count = row.quick if arguments.quick else row.count
    return profiled(row.contestants(stage)[1], count=count)


def main() -> None:
    # The modules of this folder are benchmarks.*, here as under pytest.
    sys.path[:] = [str(HERE.parent), *(path for path in sys.path if path != str(HERE))]
    from benchmarks.contests import Stage
    from benchmarks.peers import configure
    from benchmarks.rows import ROWS
    from benchmarks.table import write_between_markers

    arguments = parse(list(ROWS))
    # A run that is told to stop still stops its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    configure()
    with contextlib.ExitStack() as stack:
        stage = Stage(stack, own_sink=arguments.own_sink)
        text = (profile if arguments.profile else measure)(stage, arguments)
    print(text)
    if arguments.write:
        write_between_markers(arguments.write, text)


if __name__ == "__main__":
    main()
