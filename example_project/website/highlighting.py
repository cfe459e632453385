"""Python source as HTML with classes for the style sheet; enough for short listings."""

from __future__ import annotations

import io
import keyword
import tokenize

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

# Python 3.12 and later cut an f-string into several tokens; these are its text.
STRING_TOKENS = {
    number
    for name in ("STRING", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
    if (number := getattr(tokenize, name, None)) is not None
}


def highlight_python(code: str) -> SafeString:
    """Escaped source in which keywords, strings, comments and defined names are marked."""
    lines = code.splitlines(keepends=True)
    pieces: list[str] = []
    row, column = 1, 0
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = _class_of(token, previous)
        if kind:
            pieces += [
                escape(_between(lines, (row, column), token.start)),
                format_html(
                    '<span class="{}">{}</span>',
                    kind,
                    _between(lines, token.start, token.end),
                ),
            ]
            row, column = token.end
        previous = token.string
    pieces.append(escape(_between(lines, (row, column), (len(lines) + 1, 0))))
    return mark_safe("".join(pieces))  # noqa: S308 (every piece above is escaped)


def _class_of(token: tokenize.TokenInfo, previous: str) -> str:
    if token.type == tokenize.COMMENT:
        return "comment"
    if token.type in STRING_TOKENS:
        return "string"
    if token.type != tokenize.NAME:
        return ""
    if keyword.iskeyword(token.string):
        return "keyword"
    return "defined" if previous in {"def", "class"} else ""


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, from_column), (last, to_column) = start, end
    if first == last:
        return lines[first - 1][from_column:to_column] if first <= len(lines) else ""
    parts = [lines[first - 1][from_column:], *lines[first : last - 1]]
    if last <= len(lines):
        parts.append(lines[last - 1][:to_column])
    return "".join(parts)
