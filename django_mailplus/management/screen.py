"""Lines for whoever looks on: those that stay, and one at the bottom that is written over.

Looking on is never worth a mail: when nobody is there any more, nothing is written.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from types import TracebackType

from django.core.management.base import OutputWrapper

from django_mailplus.management.terminal import CLEAR_LINE, columns_of, is_live

__all__ = ["Screen"]

_ERASE_REST = "\x1b[K\r"


class Screen:
    """`live` is whether there is a line to be written over: on terminals.

    The cursor stays visible, at the beginning of that line: there is nothing to restore,
    even after a kill. What our loggers write goes above it.
    """

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self.live = is_live(out)
        self._shown = ""
        self._gone = False
        self._lock = threading.RLock()  # whoever logs may be another thread
        self._logs = _Above(self)

    def __enter__(self) -> Screen:
        if self.live:
            logging.getLogger("django_mailplus").handlers.insert(0, self._logs)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clear()
        with contextlib.suppress(ValueError):
            logging.getLogger("django_mailplus").handlers.remove(self._logs)

    @property
    def columns(self) -> int:
        """For the line at the bottom; in the last column some terminals would wrap."""
        return (columns_of(self._out) or 80) - 1

    def can_show(self, text: str) -> bool:
        try:
            text.encode(getattr(self._out, "encoding", None) or "utf-8")
        except (LookupError, UnicodeError):
            return False
        return True

    def line(self, text: str) -> None:
        with self._lock:
            self._write(f"{CLEAR_LINE if self._shown else ''}{text}\n{self._shown}")

    def bottom(self, text: str) -> None:
        """In one piece, so that nothing flickers."""
        with self._lock:
            self._shown = f"{text}{_ERASE_REST}"
            self._write(self._shown)

    def clear(self) -> None:
        with self._lock:
            if self._shown:
                self._shown = ""
                self._write(CLEAR_LINE)

    def _write(self, text: str) -> None:
        if self._gone:
            return
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        try:
            self._out.write(
                text.encode(encoding, "replace").decode(encoding), ending=""
            )
            self._out.flush()
        except OSError:  # a closed pipe, or a terminal that was closed
            self._gone = True
            self._silence()

    def _silence(self) -> None:
        """So that Python does not trip over what is left when it ends."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)


class _Above(logging.Handler):
    """Makes room for a record; those after it, or Python's last resort, write it."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        self._screen.clear()
        if not self._has_others(logging.getLogger(record.name)):
            last = logging.lastResort
            if last is not None and record.levelno >= last.level:
                last.handle(record)

    def _has_others(self, logger: logging.Logger | None) -> bool:
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False
