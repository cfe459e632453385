"""What a style is made of, read flat and in time linear in its length."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Notes", "read_declarations", "read_sheet"]

_PIECE = re.compile(
    r"""/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?|[{};]|[^{};"'/]++|/""",
    re.DOTALL,
)
_STRING_OR_URL = re.compile(
    r"""url\([^()]*\)|"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?""",
    re.DOTALL | re.IGNORECASE,
)
_URL = re.compile(r"url\(\s*[\"']?([^\"'()]*)", re.IGNORECASE)
_FUNCTION = re.compile(r"([a-z][a-z-]*+)\(")
_UNIT = re.compile(r"(?<![\w#.-])[+-]?(?:\d++\.?\d*+|\.\d++)(%|[a-z]++)")
_WORD = re.compile(r"(?<![\w#-])[a-z][a-z-]*+(?![\w(-])")
_MEDIA = re.compile(r"\(\s*+(?:min-|max-)?+([a-z-]++)")
_MEDIA_OF_WEBKIT = re.compile(r"\(\s*+(-webkit-[a-z-]++)")

_BRACKETS = re.compile(r"\[[^\[\]]*\]")
_INNER = re.compile(r"\([^()]*\)")
_PSEUDO = re.compile(r"(::?)([a-z-]++)")
_OLD_ELEMENTS = frozenset({"after", "before", "first-letter", "first-line"})
_SELECTORS = {
    "class": re.compile(r"\.[\w\\-]"),
    "id": re.compile(r"#[\w\\-]"),
    "universal": re.compile(r"\*"),
    "type": re.compile(r"(?:^|[\s,>+~])[a-z]"),
    "chaining": re.compile(r"[.#][\w-]++[.#]"),
    "grouping": re.compile(r","),
    "child": re.compile(r">"),
    "adjacent-sibling": re.compile(r"\+"),
    "general-sibling": re.compile(r"~"),
    "descendant": re.compile(r"[\w\]*)-]\s++[\w.#*\[:]"),
}
# In these, what stands before a brace is no selector, or a declaration no property.
_OTHER_BLOCKS = ("@keyframes", "@-webkit-keyframes", "@font-face", "@page", "@property")


@dataclass(slots=True, kw_only=True)
class Notes:
    """What was seen so far."""

    seen: set[str] = field(default_factory=set)
    """In the words of `rules.py`."""

    addresses: list[str] = field(default_factory=list)
    """What the styles load."""

    empty_styles: list[str] = field(default_factory=list)
    """Properties that are given no value."""


def read_sheet(css: str, notes: Notes) -> None:
    """Notes what a sheet is made of."""
    blocks: list[str] = []  # what is open: "" for one of a selector, else the at-rule
    selectors = others = 0  # how many of them
    words: list[str] = []
    for piece in _PIECE.findall(css):
        if piece.startswith("/*"):
            notes.seen.add("/*")
        elif piece == "{":
            block = _begin(
                "".join(words).strip().lower(), notes.seen, selectors, others
            )
            blocks.append(block)
            selectors += not block
            others += block in _OTHER_BLOCKS
            words = []
        elif piece in ("}", ";"):
            _finish("".join(words).strip(), notes, others)
            words = []
            if piece == "}" and blocks:
                block = blocks.pop()
                selectors -= not block
                others -= block in _OTHER_BLOCKS
        else:
            words.append(piece)
    _finish("".join(words).strip(), notes, others)


def _begin(prelude: str, seen: set[str], selectors: int, others: int) -> str:
    """What stands before a brace; the name of the at-rule, or nothing."""
    prelude = prelude.removeprefix("<!--").strip()
    if prelude.startswith("@"):
        _note_rule(prelude, seen)
        return prelude.split("(")[0].split()[0]
    if not others:
        _note_selector(prelude, seen)
        if selectors:
            seen.add("nesting")
    return ""


def _finish(text: str, notes: Notes, others: int) -> None:
    if text.startswith("@"):
        _note_rule(text.lower(), notes.seen)
    elif text and not others:
        _note_declaration(text, notes)


def read_declarations(text: str, notes: Notes) -> None:
    """Notes what a `style` attribute is made of."""
    words: list[str] = []
    for piece in _PIECE.findall(text):
        if piece.startswith("/*"):
            notes.seen.add("/*")
        elif piece in ("{", "}", ";"):
            _note_declaration("".join(words).strip(), notes)
            words = []
        else:
            words.append(piece)
    _note_declaration("".join(words).strip(), notes)


def _note_declaration(text: str, notes: Notes) -> None:
    name, colon, value = text.partition(":")
    name = name.strip().lower()
    if not colon or not name:
        return
    seen = notes.seen
    if name.startswith("--"):
        seen.add("--")
    if not value.strip():
        notes.empty_styles.append(name)
        return
    seen.add(f"{name}:")
    notes.addresses += _URL.findall(value)
    plain = _STRING_OR_URL.sub(" ", value.lower())
    words = _WORD.findall(plain)
    seen.update(f"{name}:{word}" for word in words)
    seen.update(f"word:{word}" for word in words)
    seen.update(f"function:{function}" for function in _FUNCTION.findall(plain))
    seen.update(f"unit:{unit}" for unit in _UNIT.findall(plain))


def _note_rule(prelude: str, seen: set[str]) -> None:
    name = prelude.split("(")[0].split()[0].replace("@-webkit-", "@")
    seen.add(name)
    if name == "@media":
        seen.update(f"@media({feature})" for feature in _MEDIA.findall(prelude))
        seen.update(
            f"@media({feature})" for feature in _MEDIA_OF_WEBKIT.findall(prelude)
        )


def _note_selector(selector: str, seen: set[str]) -> None:
    selector = selector.lower()
    if "[" in selector:
        seen.add("selector:attribute")
        selector = _BRACKETS.sub("[]", selector)
    for colons, name in _PSEUDO.findall(selector):
        seen.add(f"::{name}" if name in _OLD_ELEMENTS else f"{colons}{name}")
    plain = _PSEUDO.sub("", _INNER.sub("", selector))
    seen.update(
        f"selector:{name}" for name, found in _SELECTORS.items() if found.search(plain)
    )
