"""The project's real chain of mailers in a test, with nothing behind it but the test outbox.

Django's test environment puts locmem in the place of every mailer, and so no wrapper,
router or outbox of the project is ever run by its tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.test.utils import TestContextDecorator, override_settings

from django_mailplus.chain import kind_of
from django_mailplus.compat import (
    DEFAULT_MAILER_ALIAS,
    NATIVE,
    InvalidMailer,
    configured_mailers,
    mailers_defined,
)

__all__ = ["override_mailers"]

_LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
_DEFAULT = "django_mailplus.backends.default.EmailBackend"


class override_mailers(TestContextDecorator):  # noqa: N801 (named as override_settings is)
    """A context manager, or a decorator of a test or of a class of unittest.

    Without an argument MAILERS is what the project configured, with locmem in the place of
    each mailer that hands its mails to no other; so nothing leaves this machine. With one
    MAILERS is that dict as it stands: what it names is run, and may reach a network.
    """

    def __init__(self, mailers: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__()
        if callable(mailers):  # a test, which would not be collected
            raise TypeError(
                f"override_mailers() takes MAILERS, a dict, or nothing, and not {mailers!r}. "
                "A decorator is written with brackets: @override_mailers()."
            )
        self._mailers = mailers

    def enable(self) -> None:
        # Not before: what is configured may have been overridden in between.
        mailers = _harmless() if self._mailers is None else self._mailers
        self._override = _settings(mailers)
        self._override.enable()

    def disable(self) -> None:
        self._override.disable()


def _settings(mailers: Mapping[str, Mapping[str, Any]]) -> override_settings:
    backend = {} if NATIVE else {"EMAIL_BACKEND": _DEFAULT}
    return override_settings(MAILERS=mailers, **backend)


def _harmless() -> dict[str, Mapping[str, Any]]:
    """What the project configured, over locmem."""
    mailers = configured_mailers()
    if not isinstance(mailers, Mapping):
        raise InvalidMailer(f"MAILERS is {mailers!r}, and no dict.")
    with _settings(mailers):
        kinds = {alias: kind_of(alias) for alias in mailers}
    chain = {
        alias: _LOCMEM if kinds[alias] == "leaf" else config
        for alias, config in mailers.items()
    }
    if not mailers_defined() and kinds[DEFAULT_MAILER_ALIAS] != "leaf":
        # Named in EMAIL_BACKEND itself, it has our SMTP backend behind it.
        wrapper = {**mailers[DEFAULT_MAILER_ALIAS], "OPTIONS": {"using": "smtp"}}
        return {DEFAULT_MAILER_ALIAS: wrapper, "smtp": _LOCMEM}
    return chain
