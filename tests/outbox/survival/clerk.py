"""A process with Django loaded: does what the tests ask, and forks workers at no cost.

Reads calls as JSON from its standard input, one on a line, and answers on the other.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django
from django.core.mail.utils import DNS_NAME

_PR_SET_PDEATHSIG = 1


def main() -> None:
    django.setup()
    import clerk_calls
    import clerk_scenes

    calls = vars(clerk_calls) | vars(clerk_scenes)

    answers = os.dup(1)
    os.dup2(2, 1)  # whatever is printed here is for the log
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer: dict[str, Any] = {"value": _call(calls, name, arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        os.write(answers, json.dumps(answer, default=str).encode() + b"\n")


def _call(calls: dict[str, Any], name: str, arguments: dict[str, Any]) -> Any:
    from django.db import connections

    if name == "ended":
        return _ended(**arguments)
    if name == "start":
        connections.close_all()  # nothing is shared with what is forked
        return _fork(lambda: calls[arguments.pop("what")](**arguments))
    try:
        return calls[name](**arguments)
    except Exception:
        connections.close_all()
        raise


def _fork(run: Callable[[], object]) -> int:
    """Its exit is that of any process: threads are waited for, exit handlers run."""
    if pid := os.fork():
        return pid
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    DNS_NAME._fqdn = f"process-{os.getpid()}"  # what it calls itself to servers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        run()
    except Exception:
        import traceback

        traceback.print_exc()
        raise SystemExit(1) from None
    raise SystemExit(0)


def _ended(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    main()
