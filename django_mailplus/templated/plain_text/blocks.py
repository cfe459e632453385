"""What tags become before they become lines: blocks of text, one below the other."""

from __future__ import annotations

from django_mailplus.templated.plain_text.spacing import BREAK

__all__ = ["Block"]


class Block:
    """One paragraph, heading, item or button; not a dataclass, for newsletters have many.

    `text` is tidy (see `spacing`), or for a `verbatim` block stands as it is, with newlines.
    `first` and `rest` come before its first and its other lines: marks of lists and quotes.
    """

    __slots__ = ("first", "gap", "rest", "text", "url", "verbatim")

    def __init__(
        self,
        text: str,
        *,
        gap: bool = False,
        first: str = "",
        rest: str = "",
        url: str = "",
        verbatim: bool = False,
    ) -> None:
        self.text = text
        self.gap = gap
        """Whether a blank line comes before it."""
        self.first = first
        self.rest = rest
        self.url = url
        """Where it leads as a whole, if it is nothing but a link."""
        self.verbatim = verbatim

    def inline(self) -> str:
        """All of it on one line, for the cell of a table."""
        text = " ".join(self.text.replace(BREAK, " ").split())
        return f"{text} ({self.url})" if self.url else text

    def lines(self) -> str:
        """What it says with its URL, if it has one, on a line of its own."""
        if not self.url:
            return self.text
        # A colon after the end of a sentence would be one mark too many.
        colon = "" if self.text.endswith((":", ".", "!", "?", "…", "。")) else ":"
        return f"{self.text}{colon}{BREAK}{self.url}"
