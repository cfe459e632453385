"""EMAIL_BACKEND for Django 5.2 and 6.0: stands for MAILERS["default"].

From Django 6.1 on MAILERS is Django's own and EMAIL_BACKEND goes away.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus.compat import DEFAULT_MAILER_ALIAS, mailers, mailers_defined

__all__ = ["EmailBackend"]


class EmailBackend(BaseEmailBackend):
    """Gives the default mailer itself, as `get_connection()` does on Django 6.1."""

    def __new__(cls, *args: Any, **options: Any) -> BaseEmailBackend:  # type: ignore[misc]  # stands for another class
        if not mailers_defined():
            raise ImproperlyConfigured(
                f"EMAIL_BACKEND = '{cls.__module__}.EmailBackend' stands for "
                "MAILERS['default'], but there is no MAILERS setting. Add one, or name "
                "another backend in EMAIL_BACKEND."
            )
        # Django passes fail_silently=False, username=None and password=None when the
        # caller of send_mail() named none of them.
        if args:
            options["fail_silently"] = args[0]
        given = {
            name: value for name, value in options.items() if value not in (None, False)
        }
        return mailers.create_connection(DEFAULT_MAILER_ALIAS, _deprecated_kwargs=given)
