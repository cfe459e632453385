"""How a mail is to be treated in the outbox: per mailer, or on the message itself."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from django.core.mail import EmailMessage

from django_mailplus.message.stream import stream_of
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
    `stream` is the kind of mail, such as "newsletter"; it may be said as `message.stream`,
    too. `sensitive` keeps what the mail says out of sight, and erases it once it was sent.

    TypeError and ValueError name the option and what it takes: when these are made, and
    when a message is sent with them, by when `expires_at` may be past.
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
        for name, allowed in _WORDS.items():
            _check_word(name, getattr(self, name), allowed)
        for name, longest in _LONGEST.items():
            _check_text(name, getattr(self, name), longest)
        _check_seconds("max_age", self.max_age)
        if not isinstance(self.sensitive, bool | None):
            raise _wrong_type("sensitive", self.sensitive, "True or False")
        _check_times(self.send_at, self.expires_at)

    @property
    def level(self) -> Priority:
        return Priority[(self.priority or "normal").upper()]

    @property
    def retried_for(self) -> datetime.timedelta:
        if self.max_age is None:
            return KEEP_TRYING
        return datetime.timedelta(seconds=self.max_age)

    @classmethod
    def of(cls, message: EmailMessage) -> OutboxOptions:
        """What a message says in its attribute `outbox`: options, or a mapping of them.

        Its stream may stand in its attribute `stream` as well.
        """
        options = cls._given(message)
        if options.stream is None and (stream := stream_of(message)):
            return replace(options, stream=stream)
        return options

    @classmethod
    def _given(cls, message: EmailMessage) -> OutboxOptions:
        given = getattr(message, "outbox", None)
        if isinstance(given, Mapping):
            if unknown := [key for key in given if key not in _NAMES]:
                raise TypeError(
                    f"message.outbox has unknown options {', '.join(map(repr, unknown))}; "
                    f"there are {', '.join(_NAMES)}."
                )
            return cls(**given)
        if given is None:
            return _NONE
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


# --- What they may be ------------------------------------------------------------------

_PRIORITIES = tuple(name.lower() for name in Priority.names)
_WORDS: Mapping[str, tuple[str, ...]] = {
    "priority": _PRIORITIES,
    "on_unknown": ("retry", "hold"),
}
_LONGEST = {"idempotency_key": 200, "stream": 100}  # characters, of the columns
_LONGEST_AGE = 366 * 86_400.0  # seconds


def _wrong_type(name: str, value: object, takes: str) -> TypeError:
    """Without the value: a key may be made of an address."""
    return TypeError(f"{name} is of type {type(value).__name__}; it takes {takes}.")


def _check_word(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value is None:
        return
    known = ", ".join(map(repr, allowed))
    if not isinstance(value, str):
        raise _wrong_type(name, value, known)
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it takes {known}.")


def _check_text(name: str, value: object, longest: int) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise _wrong_type(name, value, f"a str of 1 to {longest} characters")
    if not 0 < len(value) <= longest:
        raise ValueError(
            f"{name} has {len(value)} characters; it takes 1 to {longest}."
        )


def _check_seconds(name: str, value: object) -> None:
    if value is None:
        return
    takes = f"seconds, from 0 to {_LONGEST_AGE:.0f} (a year)"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(name, value, takes)
    if not 0 <= value <= _LONGEST_AGE:
        raise ValueError(f"{name} is {value!r}; it takes {takes}.")


def _check_times(
    send_at: datetime.datetime | None, expires_at: datetime.datetime | None
) -> None:
    for name, moment in (("send_at", send_at), ("expires_at", expires_at)):
        if moment is None:
            continue
        if not isinstance(moment, datetime.datetime):
            raise _wrong_type(name, moment, _AWARE)
        if moment.utcoffset() is None:
            raise ValueError(
                f"{name} is {moment.isoformat(' ')}, without a time zone; it takes {_AWARE}."
            )
    if expires_at is None:
        return
    if expires_at <= datetime.datetime.now(datetime.UTC):
        raise ValueError(
            f"expires_at is {expires_at.isoformat(' ')}, which is past: the mail would "
            "never be sent. Give a later time, or do not send it."
        )
    if send_at is not None and expires_at <= send_at:
        raise ValueError(
            f"expires_at is {expires_at.isoformat(' ')}, not after send_at, which is "
            f"{send_at.isoformat(' ')}: the mail would never be sent."
        )


# With USE_TZ = False, too, where django.utils.timezone.now() has no zone.
_AWARE = (
    "a datetime with a time zone, such as "
    "datetime.now(timezone.utc) + timedelta(hours=1)"
)
_NAMES = tuple(field.name for field in fields(OutboxOptions))
_NONE = OutboxOptions()


_current: ContextVar[OutboxOptions | None] = ContextVar("outbox_options", default=None)


@contextmanager
def outbox_options(**options: Any) -> Iterator[None]:
    """Options for whatever this block sends, also by code that is not yours.

    What a message says itself comes first, then the innermost block. Raises as
    `OutboxOptions` does, and TypeError for an idempotency key, by which all but the
    first would be that one.
    """
    chosen = OutboxOptions(**options)
    if chosen.idempotency_key is not None:
        raise TypeError(
            "idempotency_key is an option of single mails. Say it for each: "
            "enqueue(message, idempotency_key=...)."
        )
    token = _current.set(chosen.or_else(current_options()))
    try:
        yield
    finally:
        _current.reset(token)


def current_options() -> OutboxOptions:
    """Those of the blocks around."""
    return _current.get() or _NONE
