"""Whether mail is written with Django's own code and with charsets as they were.

Projects replace methods, functions and charsets, for good or for the length of a test.
What they put there is to be used: then mail goes Django's way, which leads through it.
"""

from __future__ import annotations

import email.charset
import email.policy
import sys
from collections.abc import Callable
from operator import attrgetter
from types import FunctionType
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail import message as mail

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message.related import RelatedEmail

__all__ = ["is_pristine", "writes_as_django"]

# Methods of Django's classes that have no part in the writing of a message.
_ELSEWHERE = frozenset(
    {
        "__init__",
        "attach",
        "attach_alternative",
        "attach_file",
        "body_contains",
        "get_connection",
        "recipients",
        "send",
    }
)


_KINDS = (RelatedEmail, EmailMultiAlternatives, EmailMessage)


def is_pristine() -> bool:
    """Whether nothing was replaced in the modules that Django writes mail with."""
    return _ALL_ORIGINAL and (_NOW == _BEFORE or _named(_NOW) == _named(_BEFORE))


def _named(namespaces: list[Any]) -> list[dict[str, Any]]:
    """Without what Python itself adds to a module, such as the warnings it has shown."""
    return [
        {name: piece for name, piece in namespace.items() if name[:2] != "__"}
        for namespace in namespaces
    ]


def writes_as_django(message: EmailMessage) -> bool:
    """Whether no method that writes was replaced: by a subclass, on it, or on Django's.

    RelatedEmail writes in its own way, which is known here.
    """
    for kind in _KINDS:
        if isinstance(message, kind):
            methods, originals = _WRITING[kind]
            return methods(type(message)) == originals and _NAMES.isdisjoint(
                vars(message)
            )
    return False


def _names(kind: type) -> list[str]:
    return sorted(
        {
            name
            for base in kind.__mro__
            for name, value in vars(base).items()
            if callable(value) and not name.startswith("__")
        }
        - _ELSEWHERE
    )


def _namespaces() -> list[Any]:
    """Live views of what mail is written with, the methods above apart."""
    if MODERN_MIME:
        return [vars(mail), vars(email.policy)]
    kinds = [mail.MIMEMixin, mail.SafeMIMEText, mail.SafeMIMEMultipart]
    kinds += [mail.SafeMIMEMessage, mail.utf8_charset, mail.utf8_charset_qp]
    # Only the older classes of Python's `email` look these up.
    charsets = [email.charset.CHARSETS, email.charset.ALIASES, email.charset.CODEC_MAP]
    return [vars(mail), *map(vars, kinds), *charsets]


def _is_original(piece: Any) -> bool:
    """Whether it came with Django or Python, and does not only bear the name."""
    # Not isinstance(): Django's settings, which are among them, would be read for it.
    kind = type(piece)
    if kind is FunctionType:
        home = piece.__globals__["__name__"]
    elif issubclass(kind, type):
        home = piece.__module__
    else:
        return True
    root = home.partition(".")[0]
    return root == "django" or root in sys.stdlib_module_names


_WRITING: dict[type, tuple[Callable[[Any], Any], Any]] = {}
for _kind in _KINDS:
    _methods = attrgetter(*_names(_kind))
    _WRITING[_kind] = _methods, _methods(_kind)
_NAMES = frozenset(_names(EmailMultiAlternatives))
_NOW = _namespaces()
_BEFORE = [dict(namespace) for namespace in _NOW]
_ALL_ORIGINAL = all(
    _is_original(piece)
    for pieces in (*_BEFORE, *(_WRITING[kind][1] for kind in _KINDS[1:]))
    for piece in (pieces.values() if isinstance(pieces, dict) else pieces)
)
