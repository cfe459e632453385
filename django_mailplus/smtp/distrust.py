"""Servers that offer PIPELINING and mix up what is sent together: asked one by one.

Known per process, and for an hour only: it may have been one bad host of many, or a
server that was slow for once.
"""

from __future__ import annotations

import logging
import time

__all__ = ["Server", "distrust", "forget_distrust", "trusted"]

logger = logging.getLogger(__name__)

Server = tuple[str, int]  # host and port, as in the options

_HOUR = 3600.0  # seconds
_distrusted_until: dict[Server, float] = {}


def distrust(server: Server) -> None:
    _distrusted_until[server] = time.monotonic() + _HOUR
    logger.warning(
        "%s:%s offers PIPELINING and mixes up commands that are sent together;"
        " for an hour they are sent one by one, which is slower",
        *server,
    )


def trusted(server: Server) -> bool:
    return time.monotonic() >= _distrusted_until.get(server, 0.0)


def forget_distrust() -> None:
    """All are trusted again: at an address of this machine another server may listen."""
    _distrusted_until.clear()
