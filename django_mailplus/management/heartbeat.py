"""A file that a living worker touches, for whoever restarts the dead ones."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path

__all__ = ["Heartbeat", "find_fault"]

_PATIENCE = 60.0  # seconds; a database can hold up a worker for a while
_RARELY = 1.0  # seconds between two touches


class Heartbeat:
    """`beat()` as often as you like. `every` are the seconds in which it comes at least.

    The file says after how long it is stale, so that whoever reads it needs no settings.
    """

    def __init__(self, path: Path, *, every: float) -> None:
        self._path = path
        self._said = json.dumps({"pid": os.getpid(), "fresh_for": _PATIENCE + every})
        self._last = -_RARELY

    def begin(self) -> None:
        """Raises OSError where the file cannot be written."""
        self._write()

    def beat(self) -> None:
        """Raises nothing: a file that grows stale says what is wrong."""
        now = time.monotonic()
        if now - self._last < _RARELY:
            return
        self._last = now
        with contextlib.suppress(OSError):
            try:
                os.utime(self._path)  # needs no space on the disk
            except FileNotFoundError:  # tidied away
                self._write()

    def end(self) -> None:
        """Nobody lives here any more; raises nothing. Another worker's file stays."""
        with contextlib.suppress(OSError):
            if self._path.read_text(encoding="utf-8") == self._said:
                self._path.unlink()

    def _write(self) -> None:
        """Whoever reads it finds all of it or nothing."""
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self._said)
            Path(name).chmod(0o644)  # a probe may be another user
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def find_fault(path: Path) -> str:
    """What is wrong with the worker that writes this file; empty if nothing is."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        pid, fresh_for = int(said["pid"]), float(said["fresh_for"])
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return (
            f"No worker: there is no heartbeat {path}. It has not started, was stopped, or "
            "writes another file."
        )
    except OSError as error:
        return f"The heartbeat {path} cannot be read: {error.strerror}."
    except (ValueError, TypeError, KeyError):
        return f"{path} is no heartbeat of a worker."
    if age > fresh_for:
        return (
            f"The worker with the process id {pid} gave no sign of life for {age:.0f} seconds, "
            f"and would within {fresh_for:.0f}: it hangs, or was killed."
        )
    if age < -fresh_for:
        return f"The heartbeat {path} is from the future. Has the clock been set back?"
    return ""
