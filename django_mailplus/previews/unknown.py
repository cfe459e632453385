"""Names that a template shows and that nothing gave it: the reader sees a hole there.

Django renders them as nothing and tells nobody. From the first preview of a process on, three
kinds of nodes also note, while a preview is rendered and for that one alone, what they could
not find. `{% if %}`, `{% for %}`, `{% firstof %}`, `{% with %}` and `|default` may meet a name
that is not there: nothing is shown of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.template import engines
from django.template.base import TokenType, VariableDoesNotExist, VariableNode
from django.template.context import Context
from django.template.defaultfilters import default, default_if_none
from django.template.library import TagHelperNode
from django.templatetags.i18n import BlockTranslateNode

__all__ = ["unknown_names_noted"]

_noted: ContextVar[dict[str, None] | None] = ContextVar(
    "mailplus_unknown_names", default=None
)


@contextmanager
def unknown_names_noted() -> Iterator[dict[str, None]]:
    """The keys, in order: `mail/welcome.html, line 3: custommer.name`."""
    _watch()
    noted: dict[str, None] = {}
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def _watch() -> None:
    _watch_django()
    for engine in engines.all():
        jinja = getattr(engine, "env", None)
        if jinja is not None and not hasattr(jinja.undefined, "mailplus_notes"):
            jinja.undefined = _noting_undefined(jinja.undefined)


@functools.cache
def _watch_django() -> None:
    for kind, method, names in (
        (VariableNode, "render", _of_variable),
        (BlockTranslateNode, "render", _of_translation),
        (TagHelperNode, "get_resolved_arguments", _of_tag),
    ):
        setattr(kind, method, _noting(getattr(kind, method), names))


def _noting(
    method: Callable[..., Any], names: Callable[[Any, Context, Any], Iterator[str]]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def noting(node: Any, context: Context, *more: Any, **options: Any) -> Any:
        done = method(node, context, *more, **options)
        if (noted := _noted.get()) is not None:
            for name in names(node, context, done):
                noted[f"{_place(node)}: {name}"] = None
        return done

    return noting


def _place(node: Any) -> str:
    origin, token = getattr(node, "origin", None), node.token
    name = getattr(origin, "template_name", None) or "a template without a file"
    return f"{name}, line {token.lineno}" if token is not None else name


def _of_variable(node: Any, context: Context, shown: str) -> Iterator[str]:
    """`{{ name }}`: what shows something is not asked again, for that may count or change."""
    template: Any = context.template
    if not shown or (template and template.engine.string_if_invalid):
        yield from _unknown(node.filter_expression, context)


def _of_translation(node: Any, context: Context, _shown: str) -> Iterator[str]:
    given = node.extra_context
    for token in (*node.singular, *(node.plural or ())):
        name = token.contents
        if token.token_type != TokenType.VAR or name == node.countervar:
            continue
        if name in given:
            yield from _unknown(given[name], context)
        elif name not in context:  # "user.name" is no name here: only `with` finds it
            yield name


def _of_tag(node: Any, context: Context, _arguments: object) -> Iterator[str]:
    """Of tags like `{% mail_button url %}`; what is optional has a keyword."""
    for expression in node.args:
        yield from _unknown(expression, context)


def _unknown(expression: Any, context: Context) -> Iterator[str]:
    if not expression.is_var or any(
        function in (default, default_if_none) for function, _ in expression.filters
    ):
        return
    try:
        expression.var.resolve(context)
    except VariableDoesNotExist:
        yield str(expression.var)


def _noting_undefined(kind: Any) -> Any:
    """Of Jinja2, which raises by itself for a name below one that is not there."""

    class Noting(kind):  # type: ignore[misc]
        mailplus_notes = True

        def __str__(self) -> str:
            if (noted := _noted.get()) is not None:
                noted[f"a Jinja2 template: {self._undefined_name}"] = None
            return str(super().__str__())

    return Noting
