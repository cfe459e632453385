"""When two spellings of an address are one mailbox, and when they merely look alike.

A proof must be strict: who reads mail at an address with a dotless i proves nothing about
the one with a dot, though databases take them for the same. Limits and uniqueness must be
lenient, or one mailbox is mailed as often as it can be spelled (CVE-2019-19844).
"""

from __future__ import annotations

import string

from django_mailplus.message.lookalike import digest

__all__ = [
    "former_mailbox_key",
    "mailbox_key",
    "masked",
    "same_mailbox",
]

_TO_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def _strict(email: str) -> str:
    return email.strip().translate(_TO_SMALL)


def same_mailbox(one: str, other: str) -> bool:
    """Whether a proof for one is a proof for the other: equal but for ASCII case."""
    return _strict(one) == _strict(other)


def mailbox_key(email: str) -> str:
    """64 characters that are equal for the spellings of one mailbox."""
    return digest(_strict(email))


def former_mailbox_key(email: str) -> str:
    """The same for an address that was given up, which is no other spelling of it."""
    return digest(f"former {_strict(email)}")


def masked(email: str) -> str:
    """Enough to notice a typo, too little for whoever should not know the address."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}"
