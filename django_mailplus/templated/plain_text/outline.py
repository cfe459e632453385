"""How deep the reader is in lists and quotes, and what that puts before a line."""

from __future__ import annotations

__all__ = ["Outline"]


class _Frame:
    """An element that is open, and what was before it."""

    __slots__ = ("count", "first", "indent", "pre", "step", "tag", "within")

    def __init__(self, tag: str, outline: Outline) -> None:
        self.tag = tag
        self.indent = outline.indent
        self.first = outline.first
        self.pre = outline.pre
        self.within = outline.within
        self.count = self.step = 1


class Outline:
    """The open lists, items, quotes, `pre` and tables, however they are nested."""

    def __init__(self, deepest: int) -> None:
        self.indent = ""
        """What comes before every line."""
        self.first: str | None = None
        """What comes before the next line instead: the mark of an item not yet begun."""
        self.pre = False
        self.within: dict[str, int] = {}
        """How many elements are open, by tag, in the innermost table."""
        self._frames: list[_Frame] = []
        self._deepest = deepest

    def take_first(self) -> str:
        first, self.first = self.first, None
        return self.indent if first is None else first

    def is_in_list(self) -> bool:
        return bool(self.within.get("ul") or self.within.get("ol"))

    def open(self, tag: str, mark: str = "", *, start: int = 1, step: int = 1) -> None:
        frame = _Frame(tag, self)
        frame.count, frame.step = start, step
        self._frames.append(frame)
        if tag == "table":
            self.within = {}
        else:
            self.within[tag] = self.within.get(tag, 0) + 1
        if tag == "pre":
            self.pre = True
        # Deeper, there would be no room for words.
        if mark and len(self.indent) + len(mark) <= self._deepest:
            self._mark(mark)

    def _mark(self, mark: str) -> None:
        if mark == "> ":
            if self.first is not None:
                self.first = _quoted(self.first)
            self.indent = _quoted(self.indent)
        else:
            self.first = (self.indent if self.first is None else self.first) + mark
            self.indent += " " * len(mark)

    def open_item(self, number: int | None) -> None:
        if self._frames and self._frames[-1].tag == "li":
            self._pop()
        mark = "- "
        if self._frames and (frame := self._frames[-1]).tag == "ol":
            if number is not None:
                frame.count = number
            mark = f"{frame.count}. "
            frame.count += frame.step
        self.open("li", mark)

    def open_definition(self, tag: str) -> None:
        if self._frames and self._frames[-1].tag in ("dt", "dd"):
            self._pop()
        self.open(tag)
        if tag == "dd" and len(self.indent) + 4 <= self._deepest:
            self.indent += "    "

    def close(self, tag: str) -> None:
        """Closes the innermost `tag` with all in it; none outside of the table."""
        if self.within.get(tag):
            while self._pop() != tag:
                pass

    def close_cell(self) -> None:
        """Closes all that is open in the innermost table."""
        while self._frames and self._frames[-1].tag != "table":
            self._pop()

    def close_table(self) -> None:
        self.close_cell()
        if self._frames:
            self._pop()

    def _pop(self) -> str:
        frame = self._frames.pop()
        self.indent = frame.indent
        self.pre = frame.pre
        if self.first is not None:  # nothing was said since
            self.first = frame.first
        if frame.tag == "table":
            self.within = frame.within
        else:
            self.within[frame.tag] -= 1
        return frame.tag


def _quoted(indent: str) -> str:
    """With one more `>`, and `>>` rather than `> >`, as RFC 3676 counts the depth."""
    return f"{indent[:-1]}> " if indent.endswith("> ") else f"{indent}> "
