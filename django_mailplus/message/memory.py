"""What was worked out for one message and may serve the next, within a bound in bytes."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["ATTACHMENTS", "TEXTS", "Memory"]

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """The values used last, of at most `limit` bytes in all; safe over threads.

    The size of a value is what its caller says, key included. Two threads may work out
    the same value at once: that costs time, and never a lock held while working.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value; one that is larger than the bound is not worth the others."""
        if size > self._limit:
            return
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._size -= old[1]
            self._kept[key] = (value, size)
            self._size += size
            while self._size > self._limit:
                _, (_, freed) = self._kept.popitem(last=False)
                self._size -= freed

    @property
    def size(self) -> int:
        """Bytes kept at the moment."""
        return self._size


class Encodings(Memory[Value]):
    """Encoded contents by the kind of encoding and the content itself."""

    def recall(
        self, key: tuple[str, str | bytes], encode: Callable[[], Value]
    ) -> Value:
        if (kept := self.get(key)) is None:
            kept = encode()
            self.put(key, kept, sys.getsizeof(key[1]) + _size_of(kept))
        return kept


def _size_of(value: object) -> int:
    parts = value if isinstance(value, tuple) else (value,)
    return sum(map(sys.getsizeof, parts))


# The process keeps up to this much after its last message: a few attachments of usual
# size, which a batch shares. Larger ones are encoded for every message.
ATTACHMENTS: Encodings[bytes] = Encodings(16_000_000)
TEXTS: Encodings[tuple[str, bytes]] = Encodings(2_000_000)
