"""CSS of `<style>` into the elements, for mail programs that read no `<style>`.

By css-inline, where the extra `html` is installed; without it a mail goes as it is.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

__all__ = ["can_inline", "inline_css", "refusal_of"]

logger = logging.getLogger(__name__)


def inline_css(html: str, *, template: str) -> str:
    """The same page with its rules in `style` attributes; media queries and :hover stay.

    What a person typed may hold styles that are none. css-inline refuses the whole page for
    them, where mail programs pass over them: the mail goes as it is, and the log says so.
    """
    inlined, refusal = _inlined(html)
    if refusal is not None:
        # Not the refusal: it may hold what the mail says.
        logger.warning(
            "The CSS of a mail from %s stays in <style>: css-inline cannot read a style "
            'in it, such as style="{".',
            template,
        )
    return inlined


def refusal_of(html: str) -> str | None:
    """Why css-inline refuses a page, in its words; None if it does not, or is not there."""
    return _inlined(html)[1]


def _inlined(html: str) -> tuple[str, str | None]:
    inliner = _inliner()
    if inliner is None:
        return html, None
    from css_inline import InlineError

    try:
        return str(inliner.inline(html)), None
    except InlineError as error:
        return html, str(error)


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
        resolve_css_variables=True,  # since css-inline 0.23
        # By default it fetches what <link> names, be it a file of this machine.
        load_remote_stylesheets=False,
    )
