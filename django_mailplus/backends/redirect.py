"""Mail of a site that is not in production, to people who know that it is not."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.core.checks import CheckMessage
from django.core.mail import EmailMessage

from django_mailplus.backends.base import WrapperBackend
from django_mailplus.backends.declaring import option_errors
from django_mailplus.compat import InvalidMailer, plain_address
from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    get_result,
    set_result,
    unsent,
)
from django_mailplus.forgetting import forgotten_with
from django_mailplus.message.envelope import envelope_of
from django_mailplus.message.redirecting import (
    Guard,
    barred_from,
    clean,
    redirect,
    tamed,
    wrong_pattern,
)

__all__ = ["EmailBackend"]


class EmailBackend(WrapperBackend):
    """Sends to `to` what was written to anybody who is not in `allow`.

    Decided for each recipient, wherever he stands: To, Cc, Bcc, headers, and what a
    provider's API is told. Who may get mail gets it; for the others `to` gets it, or, if
    there is no `to`, nobody. A mail that anybody was kept from says in a banner, and in
    X-Original headers, to whom it was written; its subject begins with `subject_prefix`.

    `allow` holds addresses, domains ("example.com", "*.example.com") and compiled patterns
    for the whole address in small letters. Of more than `max_per_hour` mails that were
    redirected the rest is dropped, in each process.
    """

    def __init__(
        self,
        *,
        to: str | Iterable[str] = (),
        allow: str | Iterable[str | re.Pattern[str]] = (),
        subject_prefix: str = "[redirected] ",
        banner: bool = True,
        max_per_hour: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        for problem in _mistakes(to, allow, max_per_hour):
            raise InvalidMailer(problem, alias=self.alias)
        self.guard = Guard(to=_listed(to), allow=_listed(allow))
        self.subject_prefix = subject_prefix
        self.banner = banner
        self.max_per_hour = max_per_hour

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        to, allow = options.get("to") or (), options.get("allow") or ()
        return [
            *super().check(alias, options),
            *option_errors(
                cls, alias, _mistakes(to, allow, options.get("max_per_hour"))
            ),
        ]

    def prepare(self, message: EmailMessage) -> EmailMessage | None:
        everybody = envelope_of(message).rcpt_to
        plain = tamed(message)
        if not (barred := barred_from(plain, self.guard)):
            clean(plain, self.guard)
            return plain
        if not _has_room(self.alias, self.max_per_hour):
            why = "more than max_per_hour were redirected"
        elif not redirect(
            plain,
            self.guard,
            barred,
            prefix=self.subject_prefix,
            banner=self.banner,
        ):
            why = "nobody of its recipients may get mail"
        else:
            plain.mailplus_written_to = everybody  # type: ignore[attr-defined]
            return plain
        set_result(message, self._suppressed(everybody, why))
        return None

    def carry(
        self,
        sent: EmailMessage,
        original: EmailMessage,
        error: BaseException | None = None,
    ) -> None:
        """Of those it was written to: an outbox tries again for them, not for the team."""
        super().carry(sent, original, error)
        result = get_result(original)
        written_to = getattr(sent, "mailplus_written_to", None)
        if result is not None and written_to is not None:
            told = tuple(self._told_to(address, result) for address in written_to)
            set_result(original, replace(result, recipients=told))

    def _told_to(self, address: str, result: DeliveryResult) -> RecipientResult:
        allowed = self.guard.allows(address)
        if not allowed and not self.guard.to:
            text = "Not sent: may not get mail"
            return RecipientResult(address=address, kind="suppressed", text=text)
        sent_to = (address if allowed else self.guard.instead()).casefold()
        by_address = {r.address.casefold(): r for r in result.recipients}
        told = replace(by_address.get(sent_to, result.recipients[0]), address=address)
        # What the server says of a mailbox of the team's is not said of this one.
        return told if allowed else replace(told, enhanced="")

    def _suppressed(self, addresses: Iterable[str], why: str) -> DeliveryResult:
        text = f"Not sent: {why}"
        result = unsent(addresses, None, kind="suppressed", mailer=self.alias)
        told = tuple(replace(recipient, text=text) for recipient in result.recipients)
        return replace(result, recipients=told, text=text)


_redirected: dict[str | None, tuple[float, int]] = {}  # hour, and mails in it
_lock = threading.Lock()


def _has_room(alias: str | None, most: int | None) -> bool:
    if most is None:
        return True
    hour = time.time() // 3600
    with _lock:
        last, count = _redirected.get(alias, (hour, 0))
        count = count if last == hour else 0
        _redirected[alias] = (hour, count + 1)
    return count < most


@forgotten_with("MAILERS")
def _forget_redirected() -> None:
    _redirected.clear()


def _listed(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, str | re.Pattern) else tuple(value)


def _mistakes(to: Any, allow: Any, most: Any) -> Iterator[str]:
    if not to and not allow:
        yield (
            "a redirect needs 'to', who gets the mail of all others, or 'allow', who may "
            "get mail; without both nobody would get any."
        )
    for address in _listed(to):
        if plain_address(address) is None:
            yield f"'to' has {address!r}; it takes addresses such as 'team@example.com'."
    for problem in map(wrong_pattern, _listed(allow)):
        if problem:
            yield f"'allow' has {problem}"
    if most is not None and (type(most) is not int or most < 1):
        yield f"'max_per_hour' is {most!r}; it takes a whole number, 1 or more."
