"""HTML with a line for each thing, so that a difference shows where it is."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

__all__ = ["pretty"]

# fmt: off
_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
})
# fmt: on
_VERBATIM = frozenset({"style", "script"})


def pretty(html: str) -> str:
    """The same page to the eye of a mail program, whatever the white space was."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return "".join(f"{line}\n" for line in writer.lines)


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._open: list[str] = []

    def _write(self, text: str) -> None:
        self.lines += [
            "  " * len(self._open) + line
            for line in (re.sub(r"[ \t\r\f]+", " ", each) for each in text.split("\n"))
            if line.strip()
        ]

    def handle_decl(self, decl: str) -> None:
        self._write(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        # Outlook reads what stands in conditional ones.
        self._write(f"<!--{data.strip()}-->")

    def unknown_decl(self, data: str) -> None:
        self._write(f"<![{data}]>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = [
            name if value is None else f'{name}="{escape(" ".join(value.split()))}"'
            for name, value in sorted(attrs, key=lambda attr: attr[0])
        ]
        self._write(f"<{' '.join((tag, *said))}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return  # it closes nothing
        while self._open.pop() != tag:
            pass
        self._write(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in _VERBATIM:
            lines = (line.strip() for line in data.splitlines())
            self._write("\n".join(lines))
        else:
            self._write(escape(" ".join(data.split()), quote=False))
