"""mailqueue, run for its output: into a pipe, or on a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import termios

from django.core.management import call_command
from django.core.management.base import OutputWrapper


def run(*arguments):
    out = io.StringIO()
    call_command("mailqueue", *arguments, stdout=out)
    return out.getvalue().splitlines()


def on_terminal(columns, *arguments):
    """The lines that a terminal of that width is sent."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    with os.fdopen(theirs, "w", encoding="utf-8") as out:
        call_command("mailqueue", *arguments, stdout=OutputWrapper(out), no_color=True)
    data = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while some := os.read(ours, 65_536):
            data += some
    os.close(ours)
    return data.decode().replace("\r\n", "\n").splitlines()
