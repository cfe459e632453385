"""The words of one block, with its links."""

from __future__ import annotations

from django_mailplus.templated.plain_text.links import says_the_same
from django_mailplus.templated.plain_text.spacing import BREAK, tidy

__all__ = ["Words"]


class _Link:
    """A link that is open."""

    __slots__ = ("pictured", "spilled", "start", "url")

    def __init__(self, url: str, start: int) -> None:
        self.url = url
        self.start = start
        """Its first piece."""
        self.pictured = False
        """An image stands in it that has no text."""
        self.spilled = False
        """A block that was taken has words of it."""


class Words:
    """Pieces of text until the block is over."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.link: _Link | None = None
        self._urls: list[tuple[int, int, str]] = []
        """Links that are over: the first piece, the piece with the URL, and the URL."""

    def begin_link(self, url: str) -> None:
        self.link = _Link(url, len(self.pieces))

    def end_link(self) -> str:
        """Writes the URL after the words; returns it if they went with another block."""
        link, self.link = self.link, None
        if link is None:
            return ""
        raw = "".join(self.pieces[link.start :])
        text = tidy(raw).strip(BREAK)
        if link.spilled:
            return link.url
        if not text:
            if link.pictured:
                self._write_once(link.url, link, raw)
        elif says_the_same(text, link.url):
            # The longer of the two can be followed; a number keeps its spaces.
            self._write_once(link.url if "://" in link.url else text, link, raw)
        else:
            self._urls.append((link.start, len(self.pieces), link.url))
            self.pieces.append(f" ({link.url})")
        return ""

    def _write_once(self, text: str, link: _Link, raw: str) -> None:
        before = self.pieces[link.start - 1][-1:] if link.start else ""
        space = " " if raw[:1].isspace() or before.isalnum() else ""
        after = " " if raw[-1:].isspace() else ""
        self.pieces[link.start :] = [f"{space}{text}{after}"]
        self._urls.append((-1, link.start, text))

    def take(self) -> tuple[str, str]:
        """The text, and the URL if all of it is one link; begins anew."""
        pieces = self.pieces
        text, url = "", ""
        if self._urls:
            start, end, target = self._urls[0]
            if len(self._urls) == 1 and start >= 0 and self._is_alone(start, end):
                text, url = "".join(pieces[start:end]), target
            else:
                self._part_urls()
        if self.link is not None:
            self._spill(self.link)
        text = text or "".join(pieces)
        pieces.clear()
        self._urls.clear()
        return text, url

    def _is_alone(self, start: int, end: int) -> bool:
        around = self.pieces[:start] + self.pieces[end + 1 :]
        return not tidy("".join(around)).strip(BREAK)

    def _part_urls(self) -> None:
        """Chinese and Japanese go on without a space, but a URL ends at one only."""
        for _, end, _ in self._urls:
            if end + 1 < len(self.pieces) and self.pieces[end + 1][:1].isalnum():
                self.pieces[end] += " "

    def _spill(self, link: _Link) -> None:
        if not link.spilled:
            link.spilled = bool(tidy("".join(self.pieces[link.start :])).strip(BREAK))
        link.start = 0
