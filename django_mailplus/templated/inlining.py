"""CSS of `<style>` into the elements, for mail programs that read no `<style>`.

By css-inline, where the extra `html` is installed; without it a mail goes as it is.
"""

from __future__ import annotations

import functools
from typing import Any

__all__ = ["can_inline", "inline_css"]


def inline_css(html: str) -> str:
    """The same page with its rules in `style` attributes; media queries and :hover stay."""
    inliner = _inliner()
    return html if inliner is None else str(inliner.inline(html))


def can_inline() -> bool:
    """Whether css-inline is installed."""
    return _inliner() is not None


@functools.cache
def _inliner() -> Any | None:
    try:
        import css_inline
    except ImportError:
        return None
    return css_inline.CSSInliner(
        # What cannot be inlined has to stay: @media, with it the dark mode, and :hover.
        keep_style_tags=True,
        remove_inlined_selectors=True,
        # Outlook reads widths of tables and images from attributes only.
        apply_width_attributes=True,
        resolve_css_variables=True,
        # By default it fetches what <link> names, be it a file of this machine.
        load_remote_stylesheets=False,
    )
