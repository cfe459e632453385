"""How a mail is to be treated in the outbox: per mailer, or on the message itself."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from django_mailplus.outbox.backoff import KEEP_TRYING
from django_mailplus.outbox.states import Priority

__all__ = ["OutboxOptions", "current_options", "outbox_options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxOptions:
    """None is what the mailer says.

    `send_at` and `expires_at` are aware datetimes; `max_age` is how many seconds after
    it was due a mail is still retried. `idempotency_key` makes a second mail with the
    same key the first one. `on_unknown` says what happens when nobody knows whether the
    server took the mail: "retry" may send it twice, "hold" leaves it to a human.
    `sensitive` keeps what the mail says out of sight, and erases it once it was sent.
    """

    priority: Literal["urgent", "high", "normal", "low"] | None = None
    send_at: datetime.datetime | None = None
    expires_at: datetime.datetime | None = None
    idempotency_key: str | None = None
    max_age: float | None = None
    on_unknown: Literal["retry", "hold"] | None = None
    stream: str | None = None
    sensitive: bool | None = None

    def __post_init__(self) -> None:
        _one_of("priority", self.priority, _PRIORITIES)
        _one_of("on_unknown", self.on_unknown, ("retry", "hold"))
        for name in ("send_at", "expires_at"):
            moment = getattr(self, name)
            if moment is None:
                continue
            if not isinstance(moment, datetime.datetime) or moment.tzinfo is None:
                raise ValueError(
                    f"{name} takes a datetime with a time zone, such as "
                    "django.utils.timezone.now() + timedelta(hours=1)."
                )
        for name, longest in (("idempotency_key", 200), ("stream", 100)):
            text = getattr(self, name)
            if text is not None and not 0 < len(text) <= longest:
                raise ValueError(f"{name} takes 1 to {longest} characters.")
        if self.max_age is not None and not 0 <= self.max_age <= _LONGEST_AGE:
            raise ValueError("max_age takes seconds, from 0 to those of a year.")

    @property
    def level(self) -> Priority:
        return Priority[(self.priority or "normal").upper()]

    @property
    def retried_for(self) -> datetime.timedelta:
        if self.max_age is None:
            return KEEP_TRYING
        return datetime.timedelta(seconds=self.max_age)

    @classmethod
    def of(cls, message: object) -> OutboxOptions:
        """What a message says in its attribute `outbox`: options, or a mapping of them."""
        given = getattr(message, "outbox", None)
        if isinstance(given, Mapping):
            return cls(**given)
        if given is None:
            return cls()
        if not isinstance(given, cls):
            raise TypeError(
                f"message.outbox is a {type(given).__name__}; it takes OutboxOptions "
                f"or a dict of {', '.join(_NAMES)}."
            )
        return given

    def or_else(self, others: OutboxOptions) -> OutboxOptions:
        """These, and the others where these say nothing."""
        said = {
            name: value for name in _NAMES if (value := getattr(self, name)) is not None
        }
        return replace(others, **said) if said else others


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ValueError(f"{name}={value!r} is none; there are {', '.join(known)}.")


_LONGEST_AGE = 366 * 86_400.0  # seconds
_PRIORITIES = tuple(name.lower() for name in Priority.names)
_NAMES = tuple(field.name for field in fields(OutboxOptions))
_NONE = OutboxOptions()


_current: ContextVar[OutboxOptions | None] = ContextVar("outbox_options", default=None)


@contextmanager
def outbox_options(**options: Any) -> Iterator[None]:
    """Options for whatever this block sends, also by code that is not yours.

    What a message says itself comes first, then the innermost block. Raises as
    `OutboxOptions` does.
    """
    token = _current.set(OutboxOptions(**options).or_else(current_options()))
    try:
        yield
    finally:
        _current.reset(token)


def current_options() -> OutboxOptions:
    """Those of the blocks around."""
    return _current.get() or _NONE
