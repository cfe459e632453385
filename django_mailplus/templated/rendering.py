"""From a template and a context to the parts of a mail, step by step.

Files, subject, preheader, HTML, whole links, text, styles: each step is one function, and
each part is escaped as it needs: HTML is, subjects and texts are not.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template.backends.django import Template as DjangoTemplate
from django.template.context import make_context
from django.urls import get_script_prefix
from django.utils.functional import cached_property, lazy
from django.utils.translation import get_language, get_language_bidi

from django_mailplus import conf
from django_mailplus.pages.links import absolute_url, base_url, current_site
from django_mailplus.templated.blocks import Blocks, extends
from django_mailplus.templated.colours import Palette, palette
from django_mailplus.templated.images import InlineImage, InlineImages
from django_mailplus.templated.inlining import inline_css
from django_mailplus.templated.plain_text import html_to_text
from django_mailplus.templated.resolving import Files, find_files
from django_mailplus.templated.whole_links import with_whole_links

__all__ = ["PARTS", "Rendered", "Writing", "lazily", "render"]

lazily: Any = lazy(lambda make: make(), str)
"""A text that is made when a template shows it."""

# The names that packages give to the same block.
_HTML_BLOCKS = ("html", "html_body")
_TEXT_BLOCKS = ("text", "plain", "text_body")
PARTS = ("subject", "preheader", *_HTML_BLOCKS, *_TEXT_BLOCKS)
"""Blocks that are parts of a mail, whatever its file extends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a mail says. `template` is the file that it comes from, `html` may be missing."""

    subject: str
    text: str = field(repr=False)
    html: str | None = field(repr=False)
    images: tuple[InlineImage, ...]
    template: str
    language: str | None


class Writing:
    """What templates of a mail read as `mailplus`, and where tags put what they add.

    `subject` and `preheader` are there when the HTML is rendered. `filler` goes behind the
    preheader, so that lists of mails do not show how the page goes on.
    """

    filler = "\u034f\u200c\u00a0" * 40

    def __init__(self, request: HttpRequest | None, base: str | None) -> None:
        self.subject = ""
        self.preheader = ""
        self.images = InlineImages()
        self.is_text = False
        self._request = request
        self._base = base

    @contextmanager
    def without_html(self) -> Iterator[None]:
        """A subject or a text is rendered: tags write words there."""
        self.is_text = True
        try:
            yield
        finally:
            self.is_text = False

    @cached_property
    def base_url(self) -> str:
        """Scheme and host. Raises ImproperlyConfigured when nothing says which."""
        return base_url(self._request, self._base)

    @cached_property
    def site_url(self) -> str:
        return self.absolute(get_script_prefix())

    @cached_property
    def site_name(self) -> str:
        """Of the Site, or the host; empty when there is neither."""
        if (site := current_site(self._request)) is not None:
            return str(site.name)
        try:
            return urlsplit(self.base_url).netloc
        except ImproperlyConfigured:
            return ""

    @property
    def language(self) -> str:
        return get_language() or settings.LANGUAGE_CODE

    @property
    def direction(self) -> str:
        return "rtl" if get_language_bidi() else "ltr"

    @property
    def start(self) -> str:
        """The side on which lines begin; mail programs know no `padding-inline-start`."""
        return "right" if get_language_bidi() else "left"

    @property
    def colours(self) -> Palette:
        return palette(conf.setting("MAIL_ACCENT_COLOR"))

    def absolute(self, path: str) -> str:
        """A path of this site as a whole URL; any other URL as it is."""
        if not path.startswith("/") or path.startswith("//"):
            return path
        return absolute_url(self.base_url, path)


def render(
    name: str,
    context: Mapping[str, Any],
    *,
    language: str | None = None,
    request: HttpRequest | None = None,
    base: str | None = None,
) -> Rendered:
    """The parts of a mail, in the active language. Raises MailTemplateError."""
    files = find_files(name, language)
    writing = Writing(request, base)
    names = {
        # Lazy, for only who uses them needs an address of the site.
        "site_name": lazily(lambda: writing.site_name),
        "site_url": lazily(lambda: writing.site_url),
        **context,
        "mailplus": writing,
    }
    if files.one is not None:
        subject, text, html = _of_one_file(files.one, names, request, writing)
    else:
        subject, text, html = _of_several(files, names, request, writing)
    if html is not None:
        html = with_whole_links(html, writing.absolute)
    if text is None:
        text = html_to_text(html or "")
    return Rendered(
        subject=subject,
        text=_tidy(text),
        html=None if html is None else inline_css(html, template=files.name),
        images=tuple(writing.images),
        template=files.name,
        language=language,
    )


def _of_one_file(
    file: Any, names: dict[str, Any], request: HttpRequest | None, writing: Writing
) -> tuple[str, str | None, str | None]:
    template = file.template
    context = make_context(names, request, autoescape=template.engine.autoescape)
    with context.bind_template(template):
        blocks = Blocks(template, context)
        with writing.without_html():
            writing.subject = _one_line(blocks.render("subject", autoescape=False))
            # The layout puts it into the page, escaped there.
            writing.preheader = _one_line(blocks.render("preheader", autoescape=False))
        html = _html_of(template, blocks)
        text = _text_of(blocks, names.get("unsubscribe_url"), writing)
        return writing.subject, text, html


def _html_of(template: Any, blocks: Blocks) -> str | None:
    """A whole page if it extends one; else a block, for the file holds other parts, too."""
    if (name := blocks.first(*_HTML_BLOCKS)) is not None:
        return blocks.render(name, autoescape=True)
    if extends(template) is not None:
        return blocks.page()
    if blocks.first("body") is not None:
        return blocks.render("body", autoescape=True)
    return None


def _text_of(blocks: Blocks, way_out: object, writing: Writing) -> str | None:
    """The text of its own, at whose end a link to unsubscribe stands that it does not name."""
    if (name := blocks.first(*_TEXT_BLOCKS)) is None:
        return None
    with writing.without_html():
        text = blocks.render(name, autoescape=False)
    if way_out is None or str(way_out) in text:
        return text
    return f"{text}\n\n{html_to_text(blocks.render('unsubscribe', autoescape=True))}"


def _of_several(
    files: Files, names: dict[str, Any], request: HttpRequest | None, writing: Writing
) -> tuple[str, str | None, str | None]:
    with writing.without_html():
        writing.subject = _one_line(_unescaped(files.subject, names, request))
        text = None if files.text is None else _unescaped(files.text, names, request)
    html = None if files.html is None else files.html.render(names, request)
    return writing.subject, text, html


def _unescaped(template: Any, names: dict[str, Any], request: Any) -> str:
    """Django escapes in files of any name, and Jinja2 as Django sets it up does so, too."""
    if isinstance(template, DjangoTemplate):
        context = make_context(names, request, autoescape=False)
        return str(template.template.render(context))
    jinja = getattr(template.template, "environment", None)
    if jinja is not None:
        plain = _plain(jinja, jinja.undefined).get_template(template.template.name)
        template = type(template)(plain, template.backend)
    return str(template.render(names, request))


@functools.lru_cache(maxsize=8)
def _plain(jinja: Any, undefined: Any) -> Any:
    """The same environment without escaping, which Jinja2 decides when it reads a file."""
    return jinja.overlay(autoescape=False, undefined=undefined)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tidy(text: str) -> str:
    """Without the empty lines and spaces that tags leave behind."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"
