"""Which of Django's message classes one stands for, and what it does in its own way.

Methods are compared with Django's own: what is the same function does the same.
"""

from __future__ import annotations

import functools
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_mailplus.message.related import RelatedEmail

__all__ = [
    "addresses_as_django",
    "djangos_class",
    "holds_as_django",
    "inherited_names",
    "is_method",
]

_METHODS = frozenset(
    {
        name
        for base in (EmailMessage, EmailMultiAlternatives)
        for name, value in vars(base).items()
        if callable(value) and not name.startswith("__")
    }
)


def djangos_class(kind: Any) -> type[EmailMessage]:
    """The nearest one above, or the class itself; RelatedEmail counts as one of them."""
    known = (RelatedEmail, EmailMultiAlternatives, EmailMessage)
    return next(stock for stock in known if issubclass(kind, stock))


def addresses_as_django(message: EmailMessage) -> bool:
    """Whether the recipients are those of to, cc and bcc."""
    own = "recipients" in vars(message)
    return not own and type(message).recipients is EmailMessage.recipients


@functools.lru_cache(maxsize=256)
def holds_as_django(kind: Any, names: frozenset[str]) -> bool:
    """Whether attributes of these names are just that: what they were set to."""
    stock = EmailMultiAlternatives.__mro__
    return not any(
        name in _ACCESS or (name in names and hasattr(type(value), "__set__"))
        for cls in kind.__mro__
        if cls not in stock and not cls.__module__.startswith("django_mailplus.")
        for name, value in vars(cls).items()
    )


_ACCESS = frozenset({"__getattribute__", "__getattr__", "__setattr__", "__delattr__"})


def is_method(name: str) -> bool:
    """Whether Django's classes have a method, public or not, of this name."""
    return name in _METHODS


@functools.lru_cache(maxsize=256)
def inherited_names(kind: Any, always: frozenset[str]) -> tuple[str, ...]:
    """What classes that are not Django's set for all of their messages.

    Code is left out, but for the names of `always`, which may be properties.
    """
    stock = EmailMultiAlternatives.__mro__
    names = {
        name: None
        for cls in kind.__mro__
        if cls not in stock
        for name, value in vars(cls).items()
        if name in always or not (name.startswith("_") or _is_code(value))
    }
    return tuple(names)


def _is_code(value: object) -> bool:
    return callable(value) or hasattr(value, "__get__")
