"""One page of HTML made harmless, and else left as it is.

The page is shown where nothing runs, loads or sends anyway (`frame_headers`). What is
done here is the second lock, and what makes links and pictures work there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

from django_mailplus.viewer.images import InlineImages
from django_mailplus.viewer.markup import Token, attributes, tokens
from django_mailplus.viewer.references import (
    css_hosts,
    host_of,
    read_address,
    replace_cids,
    replace_remote,
    scheme_of,
)

__all__ = ["Rewriter"]

# Elements that go with what is in them; it is no markup, so it would be read as words.
_GONE = frozenset({"iframe", "noembed", "noframes", "script"})
# Tags that go; what is between them stays. Inside SVG and MathML browsers read by other
# rules, in which what was words becomes a tag: without their tags, they do not.
_UNWRAPPED = frozenset(
    {"applet", "base", "embed", "fencedframe", "frame", "frameset", "link", "math"}
    | {"noscript", "object", "portal", "svg"}
)
_HARMLESS = frozenset({"link", "math", "noembed", "noframes", "noscript", "svg"})
# They switch the reading of tags off in ways of their own.
_AS_TEXT = frozenset({"plaintext", "xmp"})

_META_ALLOWED = frozenset({"content-language", "content-type", "x-ua-compatible"})
_LINKS_ALLOWED = frozenset({"http", "https", "mailto", "sms", "tel"})
_LINKING = frozenset({"a", "area"})
_LINK_REL = ("rel", "noopener noreferrer")
# fmt: off
_ATTRIBUTES_GONE = frozenset({
    "accesskey", "action", "archive", "attributionsrc", "autofocus", "classid", "codebase", "data", "download",
    "formaction", "formtarget", "manifest", "ping", "srcdoc", "target", "xlink:href", "xml:base",
})
# fmt: on
# Of those, what would send or load something; the others are a nuisance only.
_SENDING = frozenset({"action", "data", "formaction", "manifest", "ping", "srcdoc"})
_MEDIA = frozenset({"audio", "bgsound", "source", "track", "video"})
_ADDRESSES = frozenset({"background", "dynsrc", "lowsrc", "poster", "src"})
_CANDIDATES = frozenset({"imagesrcset", "srcset"})
_ODD_NAME = re.compile(r"[\"'<=`]")
_CANDIDATE_REMOTE = re.compile(r"(?:https?:)?[/\\]{2}[^\s,]+", re.IGNORECASE)
_CANDIDATE_CID = re.compile(r"cid:([^\s,]+)", re.IGNORECASE)
# An image that is broken from the start: it has its room and its text, and asks nobody.
_NO_PICTURE = "data:,"
# Whole sheets of elsewhere are not loaded even if pictures are.
_CSS_IMPORT = re.compile(
    r"""@import\s*(?:url\([^()]*\)|"[^"]*"|'[^']*')[^;{}"']{0,200}(?:;|\Z)""",
    re.IGNORECASE,
)
_CDATA = re.compile(r"<!\[(?!(?:if|endif)\b)", re.IGNORECASE)
# What a browser would take for markup, should it not read a style where we do.
_MARKUP_IN_STYLE = re.compile(r"<(?=[a-zA-Z/!?])")
_PREFERS = re.compile(
    r"\(\s*prefers-color-scheme\s*(?::\s*([a-z-]+)\s*)?\)", re.IGNORECASE
)
_ALWAYS, _NEVER = "(min-width:0px)", "(max-width:0px)"


class Rewriter:
    """Goes through a page once; `hosts` and `blocked` then tell what was in it."""

    def __init__(
        self, images: InlineImages, *, head: str, prefers: str | None, load_remote: bool
    ) -> None:
        """`head` is put before all that shows; `prefers` answers `prefers-color-scheme`."""
        self.hosts: dict[str, None] = {}
        self.blocked = 0
        self._images = images
        self._head = head
        self._prefers = prefers
        self._load_remote = load_remote
        self._written: list[str] = []
        self._open_raw = ""  # the element whose content ended with the page
        self._rules: dict[str, Callable[[str], str | None]] = {
            **dict.fromkeys(_ADDRESSES, self._address),
            **dict.fromkeys(_CANDIDATES, self._candidates),
            "media": self._media,
            "style": self._style,
        }

    def rewrite(self, html: str) -> str:
        for token in tokens(html):
            if self._head and not _comes_before_all(token):
                self._write_head()
            self._open_raw = ""
            getattr(self, f"_{token.kind}")(token)
        self._write_head()
        if self._open_raw:
            self._written.append(f"</{self._open_raw}>")
        return "".join(self._written)

    def _write_head(self) -> None:
        self._written.append(self._head)
        self._head = ""

    # --- Tokens --------------------------------------------------------------------------

    def _text(self, token: Token) -> None:
        # A "<" that begins nothing could begin a tag once what follows it is gone.
        self._written.append(token.source.replace("<", "&lt;"))

    def _comment(self, token: Token) -> None:
        if token.source.endswith(">"):
            self._written.append(token.source)

    def _declaration(self, token: Token) -> None:
        # CDATA is a comment, but in SVG it is words up to its own end.
        if token.source.endswith(">") and not _CDATA.match(token.source):
            self._written.append(token.source)

    def _raw(self, token: Token) -> None:
        name, content = token.name, token.source
        if name in _GONE:
            return
        if name == "style":
            content = _MARKUP_IN_STYLE.sub("< ", self._css(_without_cdo(content)))
        else:
            content = content.replace("<", "&lt;")
        self._written.append(content)
        self._open_raw = "pre" if name in _AS_TEXT else name

    def _end(self, token: Token) -> None:
        if token.name in _AS_TEXT:
            self._written.append("</pre>")
        elif token.name not in _GONE and token.name not in _UNWRAPPED:
            self._written.append(token.source)

    def _start(self, token: Token) -> None:
        name = token.name
        if name in _AS_TEXT:
            self._written.append("<pre>")
        elif name in _GONE or name in _UNWRAPPED:
            self._take_out(token)
        elif name != "meta" or self._keeps_meta(token):
            self._written.append(self._tag(token))

    def _take_out(self, token: Token) -> None:
        self.blocked += token.name not in _HARMLESS
        for name, value in attributes(token):
            if name in ("href", "src", "data") and token.name not in _LINKING | {
                "base"
            }:
                self._note_host(read_address(value or ""))

    def _keeps_meta(self, token: Token) -> bool:
        told = {
            name: unescape(value or "").strip().lower()
            for name, value in attributes(token)
        }
        if told.get("http-equiv", "content-type") not in _META_ALLOWED:
            self.blocked += 1
            return False
        if told.get("name") == "color-scheme":
            return self._prefers is None
        return told.get("name") != "referrer"

    # --- Attributes ----------------------------------------------------------------------

    def _tag(self, token: Token) -> str:
        """As it stands where nothing about it changes."""
        if not token.inside:
            return token.source
        before = attributes(token)
        after: list[tuple[str, str | None]] = []
        for name, value in before:
            after += self._attribute(token.name, name, value)
        if before == after:
            return token.source
        written = "".join(
            f" {name}"
            if value is None
            else f' {name}="{value.replace(chr(34), "&quot;")}"'
            for name, value in after
        )
        return f"<{token.name}{written}>"

    def _attribute(
        self, element: str, name: str, value: str | None
    ) -> list[tuple[str, str | None]]:
        if name.startswith("on") or name in _SENDING or _ODD_NAME.search(name):
            self.blocked += 1
            return []
        if name in _ATTRIBUTES_GONE or (name == "rel" and element in _LINKING):
            return []
        if name == "href":
            return self._link(element, value or "")
        if value is None:
            return [(name, None)]
        if name == "src" and element in _MEDIA:
            self._note_host(read_address(value))
            return []
        rule = self._rules.get(name)
        changed = value if rule is None else rule(value)
        return [] if changed is None else [(name, changed)]

    def _link(self, element: str, value: str) -> list[tuple[str, str | None]]:
        """One that leads into this site, or runs, leads nowhere: it has no such place in a mail."""
        address = read_address(value)
        if element in _LINKING:
            if address.startswith("#"):
                return [("href", value), ("target", "_self")]
            if scheme_of(address) in _LINKS_ALLOWED or host_of(address):
                return [("href", value), _LINK_REL]
        self.blocked += 1
        return []

    def _address(self, value: str) -> str | None:
        address = read_address(value)
        scheme = scheme_of(address)
        if scheme == "cid":
            return self._images.url(address[4:]) or value
        if scheme == "data":
            return value
        if self._note_host(address):
            return value if self._load_remote else _NO_PICTURE
        self.blocked += 1
        return None

    def _candidates(self, value: str) -> str:
        text = unescape(value)
        for found in _CANDIDATE_REMOTE.finditer(text):
            self._note_host(found[0])
        changed = _CANDIDATE_CID.sub(
            lambda found: self._images.url(found[1]) or found[0], text
        )
        if not self._load_remote:
            changed = _CANDIDATE_REMOTE.sub(_NO_PICTURE, changed)
        return value if changed == text else escape(changed)

    def _style(self, value: str) -> str:
        text = unescape(value)
        changed = self._css(text)
        return value if changed == text else escape(changed)

    def _media(self, value: str) -> str:
        return self._answered(value)

    def _note_host(self, address: str) -> bool:
        host = host_of(address)
        if host:
            self.hosts[host] = None
        return bool(host)

    # --- Styles --------------------------------------------------------------------------

    def _css(self, css: str) -> str:
        if "(" not in css and "@" not in css:
            return css
        self.hosts.update(dict.fromkeys(css_hosts(css)))
        css = replace_cids(_CSS_IMPORT.sub("", css), self._images.url)
        if not self._load_remote:
            css = replace_remote(css, _NO_PICTURE)
        return self._answered(css)

    def _answered(self, css: str) -> str:
        """The question for the reader's colours, replaced by the answer to it."""
        if self._prefers is None:
            return css
        return _PREFERS.sub(
            lambda found: (
                _ALWAYS
                if found[1] is None or found[1].lower() == self._prefers
                else _NEVER
            ),
            css,
        )


def _comes_before_all(token: Token) -> bool:
    """What may stand before the document type: were anything else there, it would not count."""
    if token.kind == "text":
        return not token.source.strip("\ufeff\t\n\f\r ")
    return token.kind in ("comment", "declaration")


def _without_cdo(css: str) -> str:
    """Styles ignore the ends of comments of HTML at their top level; other readers do not."""
    return css.replace("<!--", "")
