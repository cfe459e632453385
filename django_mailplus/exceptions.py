"""The errors of django-mailplus that are not Django's own.

    MailplusError
      MissingExtraError (ImportError)   an optional dependency is not installed
      PoolTimeout (TimeoutError)        smtp: no connection of the pool came free in time
      PartialDeliveryError              smtp: some messages of a concurrent batch failed
      NoMailerError (OSError)           backends: all mailers of a router are down
      ListUnavailableError (OSError)    backends: the do-not-mail list cannot be read
      RateLimitError (OSError)          backends: no more mail may leave for now
      UnsendableMessageError            backends: a message may not be sent as it is
        (ValueError)
      UnsupportedMessageError           backends: a mailer cannot send what this one asks for
        (ValueError)
      NotSentError                      outbox: a backend sent nothing and did not say why
      SnapshotError (ValueError)        message: cannot be kept in a snapshot, or not be read
      MailTemplateError (LookupError)   templated: there are no templates for a mail
      SendingBlockedError (OSError)     previews: one tried to send
      CannotListenError                 mailserver: the address is taken or cannot be used

Mistakes in the settings are Django's `ImproperlyConfigured`, or its subclass
`InvalidMailer` where a mailer is at fault (see `django_mailplus.compat`).
Refusals by a mail server stay the `smtplib` exceptions that callers already catch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "ListUnavailableError",
    "MailTemplateError",
    "MailplusError",
    "MissingExtraError",
    "NoMailerError",
    "NotSentError",
    "PartialDeliveryError",
    "PoolTimeout",
    "RateLimitError",
    "SendingBlockedError",
    "SnapshotError",
    "UnsendableMessageError",
    "UnsupportedMessageError",
]


class MailplusError(Exception):
    """Root of the errors that only django-mailplus raises."""


class MissingExtraError(MailplusError, ImportError):
    """A feature needs a package that comes with one of our extras."""

    def __init__(self, feature: str, *, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f'{feature} needs an optional package: pip install "django-mailplus[{extra}]"'
        )


class PoolTimeout(MailplusError, TimeoutError):  # noqa: N818 (the name in psycopg_pool)
    """All connections of a mailer were in use for too long; nothing was sent."""


class PartialDeliveryError(MailplusError):
    """Some messages of a batch were not sent; each has its own `delivery_result`.

    `sent` counts the others; `failures` holds pairs of a message and the error that
    sending it alone would have raised.
    """

    def __init__(self, *, sent: int, failures: Iterable[tuple[Any, Exception]]) -> None:
        self.sent = sent
        self.failures = tuple(failures)
        count = len(self.failures)
        kinds = sorted({type(error).__name__ for _, error in self.failures})
        super().__init__(
            f"{count} of {sent + count} messages were not sent ({', '.join(kinds)}). See "
            "the `failures` of this error, and `delivery_result` of each message."
        )


class NoMailerError(MailplusError, OSError):
    """No mailer of a router could be reached; nothing was sent.

    `errors` holds what each mailer that was asked raised, by its alias. Of the others
    `resting` are the seconds for which they are still taken for down.
    """

    def __init__(
        self,
        router: str | None,
        errors: Mapping[Any, Exception],
        resting: Mapping[Any, float] | None = None,
    ) -> None:
        self.errors, self.resting = dict(errors), dict(resting or {})
        told = [f"{alias}: {_brief(error)}" for alias, error in self.errors.items()]
        told += [
            f"{alias}: down before, not asked for another {seconds:.0f} s"
            for alias, seconds in self.resting.items()
        ]
        text = f"{_name(router)}: no mailer could be reached ({', '.join(told)})."
        super().__init__(text)

    @property
    def retry_after(self) -> float | None:
        """Seconds until the first of those has room that were only short of it."""
        waits = [getattr(error, "retry_after", None) for error in self.errors.values()]
        return min((wait for wait in waits if wait is not None), default=None)


def _name(mailer: str | None) -> str:
    return "EMAIL_BACKEND" if mailer is None else f"MAILERS[{mailer!r}]"


def _brief(error: Exception) -> str:
    """Its class and code: its words may hold addresses."""
    code = getattr(error, "smtp_code", None) or getattr(error, "status_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


class ListUnavailableError(MailplusError, OSError):
    """The database does not say who must not be mailed; nothing was sent."""


class RateLimitError(MailplusError, OSError):
    """No more mail may leave through a mailer for now; this one was not sent.

    There is room for one again in `retry_after` seconds.
    """

    def __init__(self, mailer: str | None, rates: str, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"{_name(mailer)}: no room for another mail for {_seconds(retry_after)} s (at most "
            f"{rates})."
        )


def _seconds(wait: float) -> str:
    return f"{wait:.3g}" if wait < 100 else f"{wait:.0f}"


class UnsupportedMessageError(MailplusError, ValueError):
    """A message asks for something that this mailer cannot do; it was not sent."""

    def __init__(self, mailer: str | None, text: str) -> None:
        super().__init__(f"{_name(mailer)}: {text}")


class UnsendableMessageError(MailplusError, ValueError):
    """A message that nobody may send as it is; the text names no address."""


class NotSentError(MailplusError):
    """A backend sent nothing and did not say why."""


class SnapshotError(MailplusError, ValueError):
    """A message that no snapshot can carry, or a snapshot that cannot be read.

    `newer` tells that a newer version of this package wrote it: that one can read it.
    """

    def __init__(self, text: str, *, newer: bool = False) -> None:
        self.newer = newer
        super().__init__(text)


class MailTemplateError(MailplusError, LookupError):
    """No file of a mail was found, or none that holds what a mail needs."""


class SendingBlockedError(MailplusError, OSError):
    """Code that is to show a mail tried to send one.

    An OSError, for Python closes a socket that one keeps from connecting.
    """
