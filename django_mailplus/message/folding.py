"""Header lines that need no parser: plain ones, and encoded words that fit on a line.

Everything else is folded by Python's `email`, and the results are kept: the sender of a
batch is folded once.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from functools import cache, lru_cache
from string import ascii_letters, digits

__all__ = ["direct_line", "folding"]

Fold = Callable[[str, str, str], bytes]
"""Name, value and charset to the lines of a header."""

DirectFold = Callable[[str, str, str], bytes | None]

# Python's folding changes between its releases, also in small ones. What it makes of
# these says whether the rules below are those of the Python that runs.
_PROBES = (
    ("Subject", 'plain words, and: more (of them) "in quotes"'),
    ("Subject", "x" * 34 + " " + "x" * 34),
    ("Subject", "é"),
    ("Subject", "some words é and-more; ü, then (others)"),
    ("Subject", "привет, мир"),
    ("Subject", "漢字 a b 漢字?"),
    ("X-Other", "<https://example.com/a?b=c&d>, 🙂 x"),
    ("From", "ann@example.com"),
    ("To", "Ann O'Neil <ann.o-neil+x@mail.example.com>, bob@localhost"),
    ("To", "Jörg Müller <jm@example.com>"),
    ("Cc", "Ann van Zoë Tx <ann@example.com>"),
    ("Reply-To", "Иван Иванов <ivan@example.com>"),
)

# Characters of a line; both of Python's policies keep to it (RFC 5322 section 2.1.1).
_WIDTH = 78
# Encoded words are made longer word by word; up to here none of them overflows.
_SAFE_WIDTH = 70
# Headers, of at most _REMEMBERED_LENGTH characters with their names: below a megabyte.
_REMEMBERED = 1_024
_REMEMBERED_LENGTH = 400

_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = rf"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@{_LABEL}(?:\.{_LABEL})*"
_MAILBOX = rf"(?:[A-Za-z0-9'+-]+(?: [A-Za-z0-9'+-]+)* <{_ADDRESS}>|{_ADDRESS})"
_ADDRESSES = re.compile(rf"{_MAILBOX}(?:, {_MAILBOX})*")
_NAMED_ADDRESS = re.compile(rf"([\w'-]+(?: [\w'-]+)*) (<{_ADDRESS}>)")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.-]+@[A-Za-z0-9.-]+>")
_MARK = re.compile(r"=\?|\?=")  # of an encoded word
_TO_ZERO = str.maketrans(dict.fromkeys(ascii_letters + digits, "0"))

_Q = [f"={octet:02X}" for octet in range(256)]
for _safe in b"-!*+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz":
    _Q[_safe] = chr(_safe)
_Q[ord(" ")] = "_"


def direct_line(
    name: str, value: str, *, structured: bool, whole: bool, q_bias: int
) -> bytes | None:
    """The line of a header, if there is nothing to it; else None.

    A `structured` value is a list of addresses. `whole` encodes all words of a phrase,
    else those from the first to the last that needs it. Q is chosen over B if it is
    longer by less than `q_bias` characters.
    """
    if value.isascii():
        pattern = _ADDRESSES if structured else _PLAIN
        fits = len(name) + len(value) + 2 <= _WIDTH
        if fits and not _MARK.search(value) and pattern.fullmatch(value):
            return f"{name}: {value}\r\n".encode()
        return None
    words, address = value, ""
    if structured:
        named = _NAMED_ADDRESS.fullmatch(value)
        if named is None:
            return None
        words, address = named[1], " " + named[2]
    phrase = _encoded_phrase(words, whole=whole, q_bias=q_bias)
    if phrase is None or len(name) + len(phrase) + len(address) + 2 > _SAFE_WIDTH:
        return None
    return f"{name}: {phrase}{address}\r\n".encode()


def _encoded_phrase(words: str, *, whole: bool, q_bias: int) -> str | None:
    """Words with an encoded word (RFC 2047); None if they are more than that."""
    if len(words) > _SAFE_WIDTH or not words.isprintable() or _MARK.search(words):
        return None
    split = words.split(" ")
    if "" in split:
        return None
    if whole:
        return _encoded_word(words, q_bias)
    foreign = [index for index, word in enumerate(split) if not word.isascii()]
    first, last = foreign[0], foreign[-1] + 1
    middle = _encoded_word(" ".join(split[first:last]), q_bias)
    return " ".join([*split[:first], middle, *split[last:]])


def _encoded_word(words: str, q_bias: int) -> str:
    octets = words.encode()
    q = "".join([_Q[octet] for octet in octets])
    b = binascii.b2a_base64(octets, newline=False).decode()
    return f"=?utf-8?q?{q}?=" if len(q) - len(b) < q_bias else f"=?utf-8?b?{b}?="


def folding(direct: DirectFold, fold: Fold) -> Fold:
    """`direct` where it has a line and agrees with this Python; else `fold`, remembered."""
    remembered = _remembering(fold)

    @cache
    def agrees() -> bool:
        return all(
            (line := direct(name, value, "utf-8")) is None
            or line == fold(name, value, "utf-8")
            for name, value in _PROBES
        )

    def folded(name: str, value: str, charset: str) -> bytes:
        line = direct(name, value, charset) if agrees() else None
        return remembered(name, value, charset) if line is None else line

    return folded


def _remembering(fold: Fold) -> Fold:
    remembered = lru_cache(maxsize=_REMEMBERED)(fold)

    def folded(name: str, value: str, charset: str) -> bytes:
        if len(name) + len(value) > _REMEMBERED_LENGTH:
            return fold(name, value, charset)
        if _MESSAGE_ID.fullmatch(value):
            # One letter breaks lines as another does: ids of one length are one.
            masked = value.translate(_TO_ZERO)
            lines = remembered(name, masked, charset)
            if lines.count(masked.encode()) == 1:
                return lines.replace(masked.encode(), value.encode())
        return remembered(name, value, charset)

    return folded
