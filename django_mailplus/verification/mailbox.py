"""When two spellings of an address are one mailbox, and when they merely look alike.

A proof must be strict: who reads mail at an address with a dotless i proves nothing about
the one with a dot, though databases take them for the same. Limits and uniqueness must be lenient, or one mailbox is
mailed as often as it can be spelled (CVE-2019-19844).
"""

from __future__ import annotations

import hashlib
import string
import unicodedata
from typing import Any

__all__ = ["email_field_of", "email_of", "lookalike_key", "mailbox_key", "same_mailbox"]

_TO_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def email_field_of(user: Any) -> str:
    """The name of the field that holds the address, as Django's auth asks for it."""
    ask = getattr(user, "get_email_field_name", None)
    return str(ask()) if ask is not None else "email"


def email_of(user: Any) -> str:
    """The current address of a user; empty when there is none."""
    return str(getattr(user, email_field_of(user), "") or "")


def _strict(email: str) -> str:
    return email.strip().translate(_TO_SMALL)


def same_mailbox(one: str, other: str) -> bool:
    """Whether a proof for one is a proof for the other: equal but for ASCII case."""
    return _strict(one) == _strict(other)


def mailbox_key(email: str) -> str:
    """64 characters that are equal for the spellings of one mailbox."""
    return _digest(_strict(email))


def lookalike_key(email: str) -> str:
    """64 characters that are equal for all that a reader or a provider may take for the same."""
    return _digest(unicodedata.normalize("NFKC", email.strip()).casefold())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
