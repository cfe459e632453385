"""How much use a pool makes of each connection. The reasons stand beside the defaults."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django_mailplus.smtp.parting import Poolable

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many connections, and how long each is of use. None means no limit."""

    # Per process. Microsoft 365 lets an account have three, and one is fast already.
    size: int = 3
    # Seconds to wait for a free one, as SQLAlchemy and psycopg_pool do. A lease lasts
    # for a whole batch, so that waiting is normal where several threads send.
    timeout: float | None = 30.0
    # Seconds. Servers wait 300 for a command (RFC 5321 section 4.5.3.2.7), firewalls
    # forget a silent connection from 240 on, and then nobody tells us.
    idle: float | None = 60.0
    # Seconds, as in Postfix's own smtp_connection_reuse_time_limit: a server that was
    # moved or added behind the name is found within that time.
    lifetime: float | None = 300.0
    # Transactions. Servers refuse more than some number; Exim, for one, after 1000.
    messages: int | None = 100

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"A pool of {self.size} connections cannot send.")

    def reached(self, session: Poolable, *, idle: float) -> bool:
        """Whether a session that was idle for some seconds has had its time."""
        return (
            _reached(idle, self.idle)
            or _reached(time.monotonic() - session.created, self.lifetime)
            or _reached(session.used, self.messages)
        )


def _reached(value: float, limit: float | None) -> bool:
    return limit is not None and value >= limit
