"""A last chance as the process ends, however it was started."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable

__all__ = ["at_exit"]

# A child of these runs no `atexit` handler of its parent, before Python 3.14 none at all.
_POOLS = ("multiprocessing.util", "billiard.util")


def at_exit(finish: Callable[[], None]) -> None:
    """Call it when this process ends, perhaps twice; not in processes forked from it.

    No thread can be started any more then. Nothing is called after `os._exit`, nor
    after a signal that nobody handles.
    """
    here = os.getpid()

    def finish_here() -> None:
        if os.getpid() == here:
            finish()

    atexit.register(finish_here)
    for name in _POOLS:
        if (util := sys.modules.get(name)) is not None:
            util.Finalize(None, finish_here, exitpriority=10)
