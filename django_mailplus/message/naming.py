"""Whom a text names: in plain words, or in any form in which programs read it."""

from __future__ import annotations

import contextlib
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from email.header import decode_header, make_header
from email.utils import getaddresses
from urllib.parse import unquote

__all__ = ["ADDRESS", "addresses_in", "forms", "readings", "without_addresses"]

_ATOM = r"[^\s<>\"'(),:;@\uff20\ufe6b\[\]\\]+"
ADDRESS = rf"{_ATOM}@{_ATOM}"
"""A pattern of those about which all programs agree."""

_AT = r"(?:[@\uff20\ufe6b]|%40|&\#0*64;|&\#x0*40;|&commat;)"
_HIDDEN = (
    rf"(?:\"[^\"\r\n]*\"|[^\s<>\"'(),:;@\uff20\ufe6b\[\]\\/?&=\#%]+){_AT}"
    r"(?:\[[^\]\s]*\]|[^\s<>\"'(),:;@\uff20\ufe6b\[\]\\/?&=\#%]+)"
)
_ANY = re.compile(rf"{ADDRESS}|{_HIDDEN}", re.I)
# What is left of one with comments or spaces in it.
_BROKEN = re.compile(r"[)\]\\]\s*@|@\s*[(\[\\]|\w\s*@\s*[\w-]+\.\w")


def addresses_in(value: object) -> Iterator[str]:
    """In a header, say."""
    text = _decoded(str(value))
    yield from map(_plain, _ANY.findall(text))
    if "@" in _ANY.sub("", text):
        yield from (address for _, address in getaddresses([text]) if address)


def forms(address: str) -> set[str]:
    """As it may be written in a text, in small letters."""
    local, at, domain = address.strip().rpartition("@")
    domains = {domain}
    with contextlib.suppress(UnicodeError):
        domains.add(domain.encode("idna").decode())
    with contextlib.suppress(UnicodeError):
        domains.add(domain.encode("ascii").decode("idna"))
    return {f"{local}{at}{each}".casefold() for each in domains}


def readings(value: object) -> str:
    """A text in small letters, as it is and as programs may read it."""
    text = str(value)
    read = [text, _decoded(text), unquote(text), html.unescape(text)]
    read += [unicodedata.normalize("NFKC", text), "".join(text.split())]
    read += [address for _, address in getaddresses([text])]
    return "\n".join(read).casefold()


def without_addresses(
    text: str, allowed: Callable[[str], bool], instead: str
) -> str | None:
    """With something in the place of each that is not; None where they cannot be told."""
    text = _ANY.sub(
        lambda found: found[0] if allowed(_plain(found[0])) else instead, text
    )
    return None if _BROKEN.search(_ANY.sub(" ", text)) else text


def _plain(found: str) -> str:
    if re.fullmatch(ADDRESS, found):
        return found
    return unicodedata.normalize("NFKC", html.unescape(unquote(found)))


def _decoded(text: str) -> str:
    """With its encoded words read (RFC 2047)."""
    if "=?" in text:
        with contextlib.suppress(ValueError, LookupError):
            return str(make_header(decode_header(text)))
    return text
