"""How far memory grows while 20,000 messages come from a generator and go out.

    python -m benchmarks.memory {django,ours} {rss,traced} PORT COUNT

A process of its own for each figure: what another one allocated would be there to reuse.
Prints bytes above what was in use after the first messages.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import resource
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

from benchmarks.corpus import english, messages
from benchmarks.peers import DjangosBackend, OurBackend, configure, connect

__all__ = ["growth"]

_WARM_UP = 50  # messages; after them imports, caches and buffers are what they will be
_PEERS = {"django": DjangosBackend, "ours": OurBackend}


def growth(peer: str, kind: str, *, port: int, count: int) -> int:
    """Bytes, measured in a new process that imports what this one does."""
    tests = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join([tests, *filter(None, sys.path)])
    command = [sys.executable, "-P", "-X", "dev=0", "-m", "benchmarks.memory"]
    result = subprocess.run(
        [*command, peer, kind, str(port), str(count)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(result.stdout)


def _forget_peak(kind: str) -> None:
    if kind == "traced":
        tracemalloc.reset_peak()
    else:
        with contextlib.suppress(OSError):  # where there is no /proc, or no right to it
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak(kind: str) -> int:
    if kind == "traced":
        return tracemalloc.get_traced_memory()[1]
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
            return int(found[1]) * 1024
    # Elsewhere, and on Linux not good enough: there it begins at the parent's.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    peer, kind, port, count = sys.argv[1:]
    configure()
    backend: Any = connect(_PEERS[peer], int(port))
    if kind == "traced":
        tracemalloc.start()
    backend.send_messages(messages(english, _WARM_UP))
    gc.collect()
    _forget_peak(kind)
    before = _peak(kind)
    sent = backend.send_messages(messages(english, int(count)))
    if sent != int(count):
        sys.exit(f"{sent} of {count} messages sent")
    print(_peak(kind) - before)


if __name__ == "__main__":
    main()
