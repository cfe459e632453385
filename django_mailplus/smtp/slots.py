"""The parts of which a pool keeps account."""

from __future__ import annotations

import contextlib
import threading
import weakref
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django_mailplus.smtp.parting import Poolable

__all__ = ["Connection", "Slot"]

S = TypeVar("S", bound=Poolable)


@dataclass(eq=False, slots=True)
class Connection(Generic[S]):
    """An open session, in use or idle."""

    session: S
    generation: int  # of the pool when it was opened
    idle_since: float = 0.0


@dataclass(eq=False, slots=True)
class Slot(Generic[S]):
    """The right to have one connection open, or the wait for it."""

    connection: Connection[S] | None = None
    reused: bool = False
    holder: weakref.ref[object] | None = None  # the lease, until it is released
    # Released when it is worth looking again. Neither an Event nor a Condition: those
    # hold a lock while they wake, which a finalizer could want in the same thread.
    bell: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.bell.acquire()

    @property
    def forgotten(self) -> bool:
        """Whether the lease is gone, but was not released."""
        return self.holder is not None and self.holder() is None

    def ring(self) -> None:
        """Wake whoever waits for this slot; from anywhere, any number of times."""
        with contextlib.suppress(RuntimeError):  # it was not waited for yet
            self.bell.release()
