"""An event that a signal handler may set.

`threading.Event` takes a lock for it, which the interrupted code may be holding: then the
process waits for itself and for ever. Putting into a SimpleQueue may be interrupted anywhere.
"""

from __future__ import annotations

import queue

__all__ = ["Bell"]


class Bell:
    """As `threading.Event`, for one that waits and any number that set it."""

    def __init__(self) -> None:
        self._rung = False
        self._strokes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        self._rung = True
        self._strokes.put(None)

    def is_set(self) -> bool:
        return self._rung

    def clear(self) -> None:
        self._rung = False
        while not self._strokes.empty():
            self._strokes.get_nowait()

    def wait(self, timeout: float) -> bool:
        """Whether it was set within the seconds."""
        if not self._rung:
            try:
                self._strokes.get(timeout=timeout)
            except queue.Empty:
                return self._rung
        return True
