"""What a mail server does wrong, in the order in which it was told to: never by chance."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, get_args

__all__ = ["DROP", "Fault", "Faults", "Step"]

Step = Literal[
    "connect",
    "ehlo",
    "starttls",
    "auth",
    "mail",
    "rcpt",
    "data",
    "body",
    "content",
    "quit",
]
"""Where a fault is: "connect" before the greeting, "body" amid the content, "content" after it."""

DROP = "drop the connection"


@dataclass(kw_only=True)
class Fault:
    """`reply` takes the place of the server's own; None leaves that, after `seconds`."""

    at: Step
    reply: str | None = None
    seconds: float = 0.0
    address: str = "*"
    left: int | None = None  # times; None for always


@dataclass
class Faults:
    """Those that are set, and what was asked so far. Safe among threads."""

    _set: list[Fault] = field(default_factory=list)
    _greylist: int = 0
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        if fault.at not in get_args(Step):
            known = ", ".join(map(repr, get_args(Step)))
            raise ValueError(
                f"at={fault.at!r} is no step of SMTP (there are: {known})."
            )
        with self._lock:
            self._set.append(fault)

    def greylist(self, first: int) -> None:
        """From now on: who asked before is as new as all others."""
        with self._lock:
            self._greylist = first
            self._asked.clear()

    def clear(self) -> None:
        with self._lock:
            self._set.clear()
            self._greylist = 0
            self._asked.clear()

    def at(self, step: Step, address: str = "", sender: str = "") -> Fault:
        """What to do at a step: what was set last comes first. A new one if nothing is."""
        with self._lock:
            if step == "rcpt" and self._is_grey(sender, address):
                reply = "450 4.7.1 Greylisted, try again later"
                return Fault(at=step, reply=reply)
            for fault in reversed(self._set):
                if fault.at == step and fault.left != 0 and _means(fault, address):
                    if fault.left is not None:
                        fault.left -= 1
                    return fault
        return Fault(at=step)

    def _is_grey(self, sender: str, address: str) -> bool:
        """The first tries for each sender and recipient."""
        pair = sender.lower(), address.lower()
        self._asked[pair] += 1
        return self._asked[pair] <= self._greylist


def _means(fault: Fault, address: str) -> bool:
    return fnmatchcase(address.lower(), fault.address.lower())
