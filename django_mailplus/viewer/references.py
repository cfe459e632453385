"""Where the addresses in a page or a style lead, as a browser would read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote

__all__ = [
    "css_hosts",
    "host_of",
    "plain_id",
    "read_address",
    "replace_cids",
    "replace_remote",
    "scheme_of",
]

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE | re.ASCII)
# Backslashes are slashes to browsers; "http:/host" is no host without a second one.
_HOST = re.compile(r"(?:https?:)?[/\\]{2,}([^/\\?#]*)", re.IGNORECASE | re.ASCII)
_HOST_NAME = re.compile(r"[\w.\-\[\]:]+")

_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\r\n\f]?|(.))", re.DOTALL)
# After "url(" or a quote, so in every function and rule that takes an address.
_CSS_REMOTE = re.compile(
    r"""(url\([\s"']*|["']\s*)((?:https?:)?[/\\]{2}[^"')\s]*)""", re.IGNORECASE
)
_CSS_CID = re.compile(r"""(url\(\s*["']?)cid:([^"')\s]+)""", re.IGNORECASE)


def read_address(value: str) -> str:
    """An address as browsers take it: character references, surplus white space, tabs gone."""
    address = unescape(value).strip("".join(map(chr, range(0x21))))
    return address.translate(dict.fromkeys(map(ord, "\t\r\n")))


def plain_id(identifier: str) -> str:
    """A Content-ID (RFC 2392) to compare, from its header or from behind `cid:`.

    Senders differ in case, brackets and percent signs between the two.
    """
    return unquote(identifier.strip().strip("<>")).strip().casefold()


def scheme_of(address: str) -> str:
    """In lower case without the colon; empty for what is relative or has a host alone."""
    found = _SCHEME.match(address)
    return found[0][:-1].lower() if found else ""


def host_of(address: str) -> str:
    """The host that would be asked over the web; empty where there is none."""
    found = _HOST.match(address)
    if not found:
        return ""
    host = found[1].rpartition("@")[2].lower()
    named = _HOST_NAME.match(host)
    name = named[0] if named else ""
    return name.partition("]")[0] + "]" if name[:1] == "[" else name.partition(":")[0]


def css_hosts(css: str) -> Iterator[str]:
    """The hosts a style would load from."""
    read = _CSS_COMMENT.sub(" ", css)
    if "\\" in read:
        read = _CSS_ESCAPE.sub(_unescaped, read)
    for found in _CSS_REMOTE.finditer(read):
        if host := host_of(found[2]):
            yield host


def replace_cids(css: str, url: Callable[[str], str | None]) -> str:
    """`url(cid:...)` with what the function gives for it; as it stands where that is None."""

    def replaced(found: re.Match[str]) -> str:
        data = url(found[2])
        return found[0] if data is None else found[1] + data

    return _CSS_CID.sub(replaced, css)


def replace_remote(css: str, address: str) -> str:
    """Every address of the web with this one; of those written in escapes, none."""
    return _CSS_REMOTE.sub(lambda found: found[1] + address, css)


def _unescaped(found: re.Match[str]) -> str:
    if found[2] is not None:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0x110000 else "\ufffd"
