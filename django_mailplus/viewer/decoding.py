"""Bytes of a mail to text: in the charset that they claim, else as well as can be."""

from __future__ import annotations

import codecs
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp

from django_mailplus.viewer.cleaning import clean_line

__all__ = ["decode", "header_text"]

# RFC 2047 section 2, with the language tag of RFC 2231 section 5.
_ENCODED_WORD = re.compile(r"=\?([^?*\s]{1,60})(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")

# Text codecs of Python that take quadratic time or are no charset of any mail.
_NOT_FOR_MAIL = frozenset({"idna", "punycode", "undefined"})
_LONGEST_CHARACTER = 5  # bytes, in any charset; what is shorter may be its beginning


def header_text(value: str) -> str:
    """One raw header value as a clean line, encoded words (RFC 2047) decoded."""
    if _has_surrogates(value):  # raw bytes above 127, kept by the parser
        value = decode(value.encode("utf-8", "surrogateescape"), "utf-8")
    pieces: list[str] = []
    pending: list[tuple[str, bytes]] = []  # neighbouring encoded words
    end = 0
    for word in _ENCODED_WORD.finditer(value):
        between = value[end : word.start()]
        # White space between two encoded words is not part of the text.
        if between.strip() or not pending:
            pieces += [_join_words(pending), between]
            pending = []
        pending.append((word[1], _word_bytes(word[2], word[3])))
        end = word.end()
    pieces += [_join_words(pending), value[end:]]
    return clean_line("".join(pieces))


def _join_words(words: list[tuple[str, bytes]]) -> str:
    """Decode words of one charset together: some senders split inside a character."""
    runs: list[tuple[str, bytes]] = []
    for charset, data in words:
        if runs and runs[-1][0].lower() == charset.lower():
            runs[-1] = (charset, runs[-1][1] + data)
        else:
            runs.append((charset, data))
    return "".join(decode(data, charset) for charset, data in runs)


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(data, header=True)
    try:
        return a2b_base64(data + b"=" * (-len(data) % 4))
    except Base64Error:
        return data


def decode(data: bytes, charset: str, *, is_cut: bool = False) -> str:
    """Text in the charset it claims, else in UTF-8, else as well as can be; never raises.

    What is cut may end within a character, which is left out.
    """
    for name in (charset, "utf-8"):
        try:
            if codecs.lookup(name).name not in _NOT_FOR_MAIL:
                return data.decode(name)
        except UnicodeDecodeError as error:
            if is_cut and len(data) - error.start < _LONGEST_CHARACTER:
                return decode(data[: error.start], name)
        except (
            LookupError,
            ValueError,
        ):  # UnicodeError is a ValueError, so is a NUL in a name
            continue
    return data.decode("cp1252", "replace")


def _has_surrogates(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)
