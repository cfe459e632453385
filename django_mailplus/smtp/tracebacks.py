"""Errors without the frames that they went through.

Error pages and error trackers show what each frame holds: here, passwords and content.
"""

from __future__ import annotations

import smtplib

__all__ = ["without_frames"]


def without_frames(error: BaseException) -> BaseException:
    """The error itself; what the network did is in its words, and needs no frames.

    A mistake in a program keeps its frames, and so does whatever is not of the network.
    """
    if not isinstance(error, (OSError, smtplib.SMTPException, UnicodeError)):
        return error
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
