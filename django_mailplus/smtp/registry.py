"""One pool per mailer and process.

Django builds a backend anew for every lookup, so no backend can hold its pool.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.parting import Poolable
from django_mailplus.smtp.pool import Pool, drain_all

__all__ = ["close_all", "pool_of"]

S = TypeVar("S", bound=Poolable)

# A pool nobody uses any more is forgotten, and with it the options it was made of; but
# while it has idle connections it lives, until somebody took leave of them.
_registry: weakref.WeakValueDictionary[Hashable, Pool[Any]] = (
    weakref.WeakValueDictionary()
)
_lock = threading.Lock()


def pool_of(
    key: Hashable, connect: Callable[[], S], limits: Limits, *, name: str
) -> Pool[S]:
    """The pool of this process for a key, which names a mailer and all its options.

    Whoever uses it may keep it or ask again. Other options or limits, another pool.
    """
    with _lock:
        pool = _registry.get((key, limits))
        if pool is None:
            pool = _registry[key, limits] = Pool(connect, limits, name=name)
    return cast("Pool[S]", pool)


def close_all() -> None:
    """Forget all pools: for changed settings, and between tests.

    Takes leave of idle connections now, of those in use when they come back.
    """
    with _lock:
        _registry.clear()
    drain_all()


def _start_child() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_start_child)
