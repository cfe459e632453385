"""`{% load mailplus %}`: what mails and pages of a project say with this package."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from django_mailplus import conf
from django_mailplus.templated.colours import palette
from django_mailplus.templated.rendering import Writing
from django_mailplus.verification import is_email_verified

register = template.Library()


@register.filter
def email_verified(user: Any) -> bool:
    """Whether the user has proved the current address; False for visitors without login."""
    return bool(getattr(user, "pk", None)) and is_email_verified(user)


@register.simple_tag(takes_context=True)
def absolute_url(context: Context, to: str, *args: Any, **kwargs: Any) -> str:
    """`{% absolute_url "name" arg %}` or `{% absolute_url object.get_absolute_url %}`.

    Begins with MAILPLUS["BASE_URL"], the Site or the host of the request.
    """
    path = to if "/" in to else reverse(to, args=args, kwargs=kwargs)
    return _writing(context).absolute(path)


@register.simple_tag(takes_context=True)
def inline_image(context: Context, source: Any) -> str:
    """`<img src="{% inline_image "logo.png" %}" alt="Fern & Kettle">`: a static file, a
    path or a field of a model, which travels in the mail. On a page it is the file's URL.
    """
    writing = context.get("mailplus")
    if isinstance(writing, Writing):
        return writing.images.add(source)
    return str(getattr(source, "url", None) or static(str(source)))


@register.simple_block_tag(takes_context=True)
def mail_button(
    context: Context, content: str, url: object, fallback: str = ""
) -> SafeString:
    """`{% mail_button url %}Confirm{% endmail_button %}`: a button that Outlook shows, too.

    With `fallback`, these words and the URL stand below it, for whom the button fails.
    In a text it is what the text of a button would be.
    """
    writing = _writing(context)
    url = writing.absolute(str(url))
    if writing.is_text:
        return mark_safe(f"\n{content.strip()}:\n{url}\n")  # noqa: S308 (no HTML)
    label = mark_safe(content.strip())  # noqa: S308 (rendered, which escaped it)
    return _piece("button", url=url, label=label, fallback=fallback)


@register.simple_tag(takes_context=True)
def mail_code(context: Context, code: object) -> SafeString:
    """`{% mail_code code %}`: a code to type, large and alone in its line."""
    if _writing(context).is_text:
        return mark_safe(f"\n{code}\n")  # noqa: S308 (no HTML)
    return _piece("code", code=code)


def _piece(name: str, **values: Any) -> SafeString:
    values["colours"] = palette(conf.setting("MAIL_ACCENT_COLOR"))
    html = render_to_string(f"mailplus/mail/{name}.html", values)
    return mark_safe(html.strip())  # noqa: S308 (rendered by a template, which escapes)


def _writing(context: Context) -> Writing:
    """The mail that is rendered; on a page, what a mail for its request would have."""
    writing = context.get("mailplus")
    if isinstance(writing, Writing):
        return writing
    return Writing(context.get("request"), None)
