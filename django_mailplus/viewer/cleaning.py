"""Text of strangers without the characters that could do something where it is shown."""

from __future__ import annotations

import re

__all__ = ["clean_line", "clean_text"]

# C0 controls become their visible pictures (U+2400 onwards), so that an attempt shows.
# C1 controls (0x9B starts a sequence as ESC [ does) and lone surrogates have no picture.
# Bidirectional embeddings, overrides and isolates can make a name read as another one.
_UNSAFE: dict[int, int | None] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0), *range(0xD800, 0xE000)), 0xFFFD),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
}


def clean_text(value: str) -> str:
    """The same text with line ends as newlines and no other control character but tab."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value.translate(_UNSAFE)


def clean_line(value: str) -> str:
    """The same text on one line: runs of white space become one space."""
    one_line = re.sub(r"[ \t\r\n\u2028\u2029]+", " ", value)
    return one_line.translate(_UNSAFE).strip(" ")
