"""How far a command has come, in one line of a terminal that is written over."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

from django_mailplus.management.terminal import CLEAR_LINE, columns_of, cut, is_live

__all__ = ["Progress"]

_WIDTH = 30  # columns


class Progress:
    """Nothing where the output is no terminal."""

    every = 0.1  # seconds

    def __init__(self, out: OutputWrapper, whole: int) -> None:
        self._out, self._whole = out, whole
        self._live = is_live(out)
        self._shown_at = 0.0

    def show(self, done: int, words: str) -> None:
        now = time.monotonic()
        if not self._live or now - self._shown_at < self.every:
            return
        self._shown_at = now
        self._write(f"{self._bar(done)}{words}")

    def end(self) -> None:
        """An empty line is left, for what comes next."""
        if self._shown_at:
            self._write("")

    def _bar(self, done: int) -> str:
        if not self._whole:
            return ""
        share = min(1.0, done / self._whole)
        full = round(share * _WIDTH)
        return f"[{'#' * full}{'-' * (_WIDTH - full)}] {share:4.0%}  "

    def _write(self, line: str) -> None:
        shown = cut(line, (columns_of(self._out) or 80) - 1)
        self._out.write(f"{CLEAR_LINE}{shown}", ending="")
        self._out.flush()
