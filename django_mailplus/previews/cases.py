"""What there is to look at: mails, the cases of each, and what can be changed about them."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import inspect
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from typing import Any

from django import forms
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.text import slugify

from django_mailplus.message.copying import freeze
from django_mailplus.message.wire import to_bytes
from django_mailplus.previews.isolation import isolated
from django_mailplus.previews.unknown import unknown_names_noted
from django_mailplus.templated import Mail

__all__ = [
    "FIELDS",
    "OPTIONAL",
    "Case",
    "Parameter",
    "Preview",
    "Problem",
    "Shown",
    "case_of_function",
    "cases_of",
]

_PLAIN: Mapping[Any, type[forms.Field]] = {
    str: forms.CharField,
    int: forms.IntegerField,
    float: forms.FloatField,
    bool: forms.BooleanField,
    decimal.Decimal: forms.DecimalField,
    datetime.date: forms.DateField,
    datetime.datetime: forms.DateTimeField,
}
OPTIONAL: Mapping[Any, Callable[..., forms.Field]] = {
    **{kind | None: field for kind, field in _PLAIN.items()},
    str | None: partial(forms.CharField, empty_value=None),
    bool | None: forms.NullBooleanField,  # a box has no third state
}
"""Types whose field may be left empty: that is None."""

FIELDS: Mapping[Any, Callable[..., forms.Field]] = {**_PLAIN, **OPTIONAL}
"""What a form asks for a value with; values of other types stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that a form can change."""

    name: str
    type: Any
    """One of FIELDS."""

    initial: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong: in one line, and as the traceback."""

    line: str
    traceback: str

    @classmethod
    def of(cls, error: Exception) -> Problem:
        first = str(error).partition("\n")[0]
        return cls(
            line=f"{type(error).__name__}: {first}",
            traceback="".join(traceback.format_exception(error)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One rendering: the message and its bytes, or what went wrong. `unknown` are names that
    its templates show and that nothing gave them, each with its place."""

    message: EmailMessage | None = None
    raw: bytes = field(default=b"", repr=False)
    unknown: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One sample of a mail. `make(language, values)` gives its message."""

    name: str
    make: Callable[[str | None, Mapping[str, Any]], Any] = field(repr=False)
    parameters: tuple[Parameter, ...] = ()
    slug: str = "sample"

    def show(
        self, language: str | None = None, values: Mapping[str, Any] | None = None
    ) -> Shown:
        """Render it, in a language if one is given. Whatever happens, nothing is raised,
        sent or stored."""
        try:
            with (
                isolated(),
                translation.override(language or translation.get_language()),
                unknown_names_noted() as unknown,
            ):
                message = _checked(self.make(language, values or {}))
                raw = to_bytes(freeze(message))
            return Shown(message=message, raw=raw, unknown=tuple(unknown))
        except Exception as error:
            return Shown(problem=Problem.of(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One mail of a project: a class of mails or a function that makes one."""

    app: str
    name: str
    description: str = ""
    cases: tuple[Case, ...] = ()
    problem: Problem | None = None

    @property
    def slug(self) -> str:
        return f"{self.app}.{self.name}"

    def case(self, slug: str) -> Case | None:
        return next((case for case in self.cases if case.slug == slug), None)


def cases_of(kind: type[Mail], samples: Mapping[str, Mail]) -> Iterator[Case]:
    """The samples of a class, each under a slug of its own: names may have no letter for one."""
    taken: set[str] = set()
    for name, mail in samples.items():
        plain = slugify(name) or "sample"
        numbered = (f"{plain}-{number}" for number in count(2))
        slug = next(each for each in chain([plain], numbered) if each not in taken)
        taken.add(slug)
        yield _case_of_mail(name, slug, kind, mail)


def _case_of_mail(name: str, slug: str, kind: type[Mail], mail: Mail) -> Case:
    """Each field with a simple value can be changed.

    The mail is made again each time, for rows that `previews()` wrote are gone by then.
    """
    make = partial(_message_of, kind, name)
    parameters = tuple(_parameters_of_mail(mail))
    return Case(name=name, slug=slug, make=make, parameters=parameters)


def _parameters_of_mail(mail: Mail) -> Iterator[Parameter]:
    """By the types of its values; the annotation says which may be None."""
    hints = _hints(type(mail))
    for each in dataclasses.fields(mail):
        value, kind = getattr(mail, each.name), hints.get(each.name)
        if value is not None and kind != type(value) | None:
            kind = type(value)
        # Compared, for an annotation may have no hash.
        if each.name != "to" and kind in tuple(FIELDS):
            yield Parameter(name=each.name, type=kind, initial=value)


def _hints(kind: type[Mail]) -> Mapping[str, Any]:
    """Of each class by itself, for names may be there for type checkers alone."""
    hints: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        with suppress(Exception):
            hints |= inspect.get_annotations(each, eval_str=True)
    return hints


def _message_of(
    kind: type[Mail], name: str, language: str | None, values: Mapping[str, Any]
) -> Any:
    mail = kind.previews()[name]
    return dataclasses.replace(mail, **values).message(language=language)


def case_of_function(function: Callable[..., Any]) -> Case:
    """Its parameters are those of the function."""
    return Case(
        name="sample",
        make=lambda language, values: function(**values),
        parameters=tuple(_parameters(function)),
    )


def _parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    hints = typing.get_type_hints(function)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is inspect.Parameter.empty:
            raise TypeError(
                f"The preview {function.__qualname__}() has the parameter "
                f"{parameter.name!r} without a default. Give it one: a preview is first "
                "shown as it is, and changed in a form."
            )
        kind = hints.get(parameter.name, type(parameter.default))
        if kind in FIELDS:
            yield Parameter(name=parameter.name, type=kind, initial=parameter.default)


def _checked(found: object) -> EmailMessage:
    if isinstance(found, EmailMessage):
        return found
    raise TypeError(
        f"The preview gave a {type(found).__qualname__} where a message belongs. Return an "
        "EmailMessage, such as a TemplatedEmail."
    )
