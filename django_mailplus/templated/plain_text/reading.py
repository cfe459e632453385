"""Tags to blocks: what begins one, what stands before it, what is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from django_mailplus.templated.plain_text.blocks import Block
from django_mailplus.templated.plain_text.hiding import Skipped, is_hidden, is_pixel
from django_mailplus.templated.plain_text.links import says_the_same, target
from django_mailplus.templated.plain_text.markup import Attributes, Markup
from django_mailplus.templated.plain_text.outline import Outline
from django_mailplus.templated.plain_text.spacing import BREAK, JOIN, tidy, visible
from django_mailplus.templated.plain_text.tables import Cell, Table
from django_mailplus.templated.plain_text.tags import (
    LINES,
    PARAGRAPHS,
    UNREAD,
    VOID,
)
from django_mailplus.templated.plain_text.words import Words

__all__ = ["Reader"]

_Given = Mapping[str, str | None]
_NOTHING: _Given = {}

_DECORATION = frozenset({"presentation", "none"})
_INTEGER = re.compile(r"\s*(-?[0-9]{1,9})(?![0-9])")
_TAB_STOP = 8


class Reader(Markup):
    """Reads one document into blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self._root: list[Block] = []
        self._blocks = self._root
        """Where the next block goes: into the document, or into the cell of a table."""
        self._gap = False
        """Whether a blank line comes before it."""
        self._words = Words()
        self._pieces = self._words.pieces
        self._outline = Outline(deepest=width // 2)
        self._tables: list[Table] = []
        """All but the last are dissolved."""
        self._skipped: Skipped | None = None

    def read(self, html: str) -> list[Block]:
        self.parse(html)
        self._end_link(_NOTHING)
        while self._tables:
            self._end_table(_NOTHING)
        self._flush(_NOTHING)
        return self._root

    # What the parser calls

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if self._skipped is not None:
            if tag in VOID or not self._skipped.ended_by_start(tag):
                return
            self._skipped = None
        given = dict(attrs) if attrs else _NOTHING
        if tag in UNREAD or (attrs and is_hidden(given)):
            if tag not in VOID:
                self._skipped = Skipped(tag)
        elif act := _STARTS.get(tag):
            act(self, given)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped is not None:
            if not self._skipped.ended_by_end(tag):
                return
            self._skipped = None
        if act := _ENDS.get(tag):
            act(self, _NOTHING)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        """`<p/>` is empty, as those who write it mean it; but nobody writes an empty link."""
        if self._skipped is None:
            self.handle_starttag(tag, attrs)
            if tag != "a" and tag not in VOID:
                self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self._skipped is None and (
            self._pieces or self._outline.pre or not data.isspace()
        ):
            self._pieces.append(data)

    # Blocks

    def _flush(self, given: _Given) -> None:
        """What was read until here is a block, if it is anything."""
        if not self._pieces:
            return
        raw, url = self._words.take()
        if self._outline.pre:
            self._add_verbatim(raw, url)
            return
        text = tidy(raw)
        bare = text.strip(BREAK)
        if not bare:
            self._gap = self._gap or bool(text)
            return
        self._gap = self._gap or text[0] == BREAK
        self._add(bare, url)
        # The last line break of a block ends its last line, any other is an empty line.
        self._gap = text.endswith(BREAK * 2)

    def _add_verbatim(self, raw: str, url: str) -> None:
        text = visible(raw).replace(BREAK, "\n").replace(JOIN, " ")
        lines = [line.rstrip() for line in text.expandtabs(_TAB_STOP).split("\n")]
        if bare := "\n".join(lines).strip("\n"):
            self._add(bare, "", verbatim=True)
            if url:
                self._add(url, "")

    def _add(self, text: str, url: str, *, verbatim: bool = False) -> None:
        outline = self._outline
        block = Block(
            text,
            gap=self._gap,
            first=outline.take_first(),
            rest=outline.indent,
            url=url,
            verbatim=verbatim,
        )
        self._blocks.append(block)
        self._gap = False

    def _paragraph(self, given: _Given) -> None:
        """The edge of a block with a blank line round it."""
        self._flush(given)
        self._gap = True

    def _rule(self, given: _Given) -> None:
        self._paragraph(given)
        self._add("-" * max(self.width - len(self._outline.indent), 3), "")
        self._gap = True

    def _break(self, given: _Given) -> None:
        self._pieces.append(BREAK)

    def _quotation_mark(self, given: _Given) -> None:
        self._pieces.append('"')

    # Links and images

    def _link(self, given: _Given) -> None:
        self._end_link(given)
        if url := target(given.get("href")):
            self._words.begin_link(url)

    def _end_link(self, given: _Given) -> None:
        url = self._words.end_link()
        if not url:
            return
        # A link round whole blocks: the URL goes with the last of them.
        self._flush(given)
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.verbatim or last.url:
            self._add(url, "")
        elif says_the_same(last.text, url):
            last.text = url
        else:
            last.url = url

    def _image(self, given: _Given) -> None:
        if is_pixel(given) or given.get("role") in _DECORATION:
            return
        if alt := (given.get("alt") or "").strip():
            self._pieces.append(f" {alt} ")
        elif self._words.link is not None:
            self._words.link.pictured = True

    def _area(self, given: _Given) -> None:
        """One of the links of an image map."""
        self._link(given)
        self._image({"alt": given.get("alt")})
        self._end_link(given)

    # Lists and quotes

    def _list(self, given: _Given) -> None:
        self._list_edge(given)
        self._outline.open("ul")

    def _numbered_list(self, given: _Given) -> None:
        self._list_edge(given)
        start = _integer(given.get("start"))
        step = -1 if "reversed" in given and start is not None else 1
        self._outline.open("ol", start=1 if start is None else start, step=step)

    def _list_edge(self, given: _Given) -> None:
        self._flush(given)
        if not self._outline.is_in_list():
            self._gap = True

    def _end_list(self, tag: str) -> None:
        self._flush(_NOTHING)
        self._outline.close(tag)
        self._list_edge(_NOTHING)

    def _item(self, given: _Given) -> None:
        self._flush(given)
        self._outline.open_item(_integer(given.get("value")))

    def _quote(self, given: _Given) -> None:
        self._paragraph(given)
        self._outline.open("blockquote", "> ")

    def _definitions(self, given: _Given) -> None:
        self._paragraph(given)
        self._outline.open("dl")

    def _pre(self, given: _Given) -> None:
        self._paragraph(given)
        self._outline.open("pre")

    # Tables

    def _table(self, given: _Given) -> None:
        self._paragraph(given)
        if self._tables and not (outer := self._tables[-1]).dissolved:
            outer.layout = outer.dissolved = True
            self._root += outer.blocks(self.width)
            outer.rows.clear()
        self._blocks = self._root
        role = (given.get("role") or "").strip().lower()
        before = self._outline.indent
        self._tables.append(
            Table(layout=role in _DECORATION, before=before, first=self._outline.first)
        )
        self._outline.open("table")

    def _end_table(self, given: _Given) -> None:
        self._leave_cell(given)
        if self._tables:
            self._outline.close_table()
            self._root += self._tables.pop().blocks(self.width)
            self._gap = True

    def _row(self, given: _Given) -> None:
        self._leave_cell(given)
        if self._tables and not (table := self._tables[-1]).dissolved:
            table.rows.append([])

    def _cell(self, given: _Given) -> None:
        self._begin_cell(given, heading=False)

    def _heading_cell(self, given: _Given) -> None:
        self._begin_cell(given, heading=True)

    def _begin_cell(self, given: _Given, *, heading: bool) -> None:
        self._leave_cell(given)
        if self._tables and not (table := self._tables[-1]).dissolved:
            cell = Cell(heading, given)
            if not table.rows:
                table.rows.append([])
            table.rows[-1].append(cell)
            self._blocks = cell.blocks

    def _leave_cell(self, given: _Given) -> None:
        """What comes now is in no cell: browsers show it before the table, and so do we."""
        self._flush(given)
        if self._tables:
            self._outline.close_cell()
            self._blocks = self._root
            # In a table the gaps are its own matter.
            self._gap = self._tables[-1].dissolved


def _integer(value: str | None) -> int | None:
    match = _INTEGER.match(value or "")
    return int(match[1]) if match else None


_Act = Callable[[Reader, _Given], None]


def _closing(tag: str) -> _Act:
    def close(reader: Reader, given: _Given) -> None:
        reader._paragraph(given)
        reader._outline.close(tag)

    return close


def _closing_line(tag: str) -> _Act:
    def close(reader: Reader, given: _Given) -> None:
        reader._flush(given)
        reader._outline.close(tag)

    return close


def _defining(tag: str) -> _Act:
    def define(reader: Reader, given: _Given) -> None:
        reader._flush(given)
        reader._outline.open_definition(tag)

    return define


_STARTS: dict[str, _Act] = {
    **dict.fromkeys(LINES, Reader._flush),
    **dict.fromkeys(PARAGRAPHS, Reader._paragraph),
    "a": Reader._link,
    "area": Reader._area,
    "blockquote": Reader._quote,
    "br": Reader._break,
    "dd": _defining("dd"),
    "dl": Reader._definitions,
    "dt": _defining("dt"),
    "hr": Reader._rule,
    "img": Reader._image,
    "li": Reader._item,
    "ol": Reader._numbered_list,
    "pre": Reader._pre,
    "q": Reader._quotation_mark,
    "table": Reader._table,
    "td": Reader._cell,
    "th": Reader._heading_cell,
    "tr": Reader._row,
    "ul": Reader._list,
}
_ENDS: dict[str, _Act] = {
    **dict.fromkeys(LINES, Reader._flush),
    **dict.fromkeys(PARAGRAPHS, Reader._paragraph),
    "a": Reader._end_link,
    "blockquote": _closing("blockquote"),
    "br": Reader._break,
    "dd": _closing_line("dd"),
    "dl": _closing("dl"),
    "dt": _closing_line("dt"),
    "li": _closing_line("li"),
    "ol": lambda reader, given: reader._end_list("ol"),
    "pre": _closing("pre"),
    "q": Reader._quotation_mark,
    "table": Reader._end_table,
    "td": Reader._leave_cell,
    "th": Reader._leave_cell,
    "tr": Reader._leave_cell,
    "ul": lambda reader, given: reader._end_list("ul"),
}
