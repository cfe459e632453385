"""What wrappers and routers share, so that each only fills in its hook.

A wrapper changes or drops messages before the next mailer sends them (`prepare`); a
router says which of several mailers takes a message (`choose`). Both copy first: the
caller's message only ever gains its `delivery_result`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from django.core.checks import CheckMessage, Error
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus.backends.breakers import Breaker, Patience, breaker_of
from django_mailplus.backends.declaring import (
    BackendKind,
    MailplusBackend,
    option_errors,
)
from django_mailplus.backends.inline import Inline
from django_mailplus.backends.preparing import PreparedStream
from django_mailplus.backends.results import carry_result
from django_mailplus.backends.routing import Member, Route, Rules, mistakes
from django_mailplus.backends.splitting import SplitStream
from django_mailplus.backends.tracing import hop
from django_mailplus.chain import (
    aliases_in,
    refuse_cycle,
)
from django_mailplus.compat import InvalidMailer, get_mailer, mailers, mailers_defined
from django_mailplus.delivery import DeliveryResult, unsent
from django_mailplus.exceptions import PartialDeliveryError
from django_mailplus.message.copying import copy_message
from django_mailplus.message.envelope import envelope_of
from django_mailplus.outbox.sending.streams import Stream, open_stream

__all__ = [
    "BackendKind",
    "MailplusBackend",
    "RouterBackend",
    "WrapperBackend",
]

logger = logging.getLogger(__name__)


class _Forwarding(MailplusBackend):
    """Opens, uses and closes the mailers it names with `using`."""

    def __init__(
        self,
        *,
        using: Any = None,
        fail_silently: bool = False,
        alias: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        self.alias = alias
        self.fail_silently = fail_silently
        self.using = self._aliases(using)
        if alias is not None:
            refuse_cycle(alias)
        self._opened: dict[str | None, BaseEmailBackend] = {}

    def _aliases(self, using: Any) -> tuple[str | None, ...]:
        """The aliases to send through; (None,) is our SMTP backend with EMAIL_ settings."""
        if using is None and not mailers_defined():
            return (None,)
        aliases = aliases_in(using)
        if not aliases:
            raise InvalidMailer(
                f"OPTIONS must define 'using': the alias of the mailer that {self._expects} "
                f"(configured: {_configured()}).",
                alias=self.alias,
            )
        for name in aliases:
            if name not in mailers:
                raise InvalidMailer(
                    f"'using' names the mailer {name!r}, which is not configured "
                    f"(configured: {_configured()}).",
                    alias=self.alias,
                )
        return aliases

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        findings = super().check(alias, options)
        if alias is not None and not aliases_in(options.get("using")):
            findings.append(
                Error(
                    f"MAILERS[{alias!r}]: OPTIONS must define 'using'.",
                    hint=f"Name the alias of the mailer that {cls._expects}.",
                    id="mailplus.E005",
                )
            )
        return findings

    _expects: ClassVar[str] = "sends"

    def _mailer(self, alias: str | None) -> BaseEmailBackend:
        """The open mailer, or a new one that connects for this call alone."""
        mailer = self._opened.get(alias) or get_mailer(alias)
        if self.fail_silently:
            # It has to go on after a failure itself: an error would end the whole batch.
            mailer.fail_silently = True
        return mailer

    def open(self) -> bool | None:
        """Open every mailer behind this one; True if that made a new connection.

        None if one could not be reached and `fail_silently` says to go on.
        """
        made_one = False
        for alias in self.using:
            if alias not in self._opened:
                self._opened[alias] = get_mailer(alias)
            try:
                made_one = bool(self._opened[alias].open()) or made_one
            except OSError:
                if not self.fail_silently:
                    raise
                return None
        return made_one

    def close(self) -> None:
        opened, self._opened = self._opened, {}
        with contextlib.ExitStack() as stack:  # one that fails keeps no other open
            for mailer in opened.values():
                stack.callback(mailer.close)

    def _forward(
        self, alias: str | None, pairs: list[tuple[EmailMessage, EmailMessage]]
    ) -> int:
        """Send the copies in one call and hand their results to the originals."""
        leaving = [copied for _, copied in pairs]
        failed: BaseException | None = None
        try:
            with hop(alias, leaving) as told:
                told.count = self._mailer(alias).send_messages(leaving)
                return told.count or 0
        except PartialDeliveryError as error:
            failed = error
            originals = {id(copied): original for original, copied in pairs}
            failures = [(originals.get(id(m), m), why) for m, why in error.failures]
            raise PartialDeliveryError(sent=error.sent, failures=failures) from error
        except BaseException as error:
            failed = error
            # What smtplib and sockets raise; mistakes are never swallowed.
            if self.fail_silently and isinstance(error, OSError):
                return 0
            raise
        finally:
            for original, copied in pairs:
                self.carry(copied, original, failed)

    def carry(
        self,
        sent: EmailMessage,
        original: EmailMessage,
        error: BaseException | None = None,
    ) -> None:
        """Tell the caller's message what became of what was sent in its place."""
        carry_result(sent, original)


class WrapperBackend(_Forwarding):
    """Hands messages to one mailer after `prepare` has seen a copy of each.

    `prepare` runs for the whole batch before anything is handed on: if it raises,
    nothing of the batch was sent.
    """

    kind: ClassVar[BackendKind] = "wrapper"

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        findings = super().check(alias, options)
        if alias is not None and (count := len(aliases_in(options.get("using")))) > 1:
            findings.append(
                Error(
                    f"MAILERS[{alias!r}]: 'using' names {count} mailers; a wrapper takes "
                    "exactly one.",
                    hint="Name one; to spread mail over several, put a router there.",
                    id="mailplus.E005",
                )
            )
        return findings

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if len(self.using) != 1:
            raise InvalidMailer(
                f"'using' names {len(self.using)} mailers; a wrapper takes exactly one.",
                alias=self.alias,
            )

    def prepare(self, message: EmailMessage) -> EmailMessage | None:
        """The message to send instead: the given copy, changed at will; None drops it.

        A `delivery_result` on the copy of a message that is dropped says why; without
        one, all its recipients are suppressed.
        """
        return message

    def prepare_all(
        self, messages: Sequence[EmailMessage]
    ) -> Sequence[EmailMessage | None]:
        """What `prepare` makes of each; for who can look at a whole batch at once."""
        return [self.prepare(message) for message in messages]

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Closed: override `prepare`. Returns how many messages the next mailer sent."""
        originals = list(email_messages)
        copies = []
        for original in originals:
            original.delivery_result = None  # type: ignore[attr-defined]
            copies.append(copy_message(original))
        pairs = []
        results = zip(originals, copies, self.prepare_all(copies), strict=True)
        for original, copied, prepared in results:
            if prepared is not None:
                pairs.append((original, prepared))
            else:
                original.delivery_result = self._dropped(copied, original)  # type: ignore[attr-defined]
        return self._forward(self.using[0], pairs) if pairs else 0

    def stream(self, concurrency: int | None = None) -> Stream | None:
        """For an outbox: to begin to send and to learn of outcomes apart."""
        if type(self).send_messages is not WrapperBackend.send_messages:
            return None  # such as an outbox, which keeps what it is given
        make = partial(get_mailer, self.using[0])
        return PreparedStream(
            open_stream(make, concurrency),
            prepare=self.prepare,
            dropped=self._dropped,
            carry=self.carry,
        )

    def _dropped(self, copied: EmailMessage, original: EmailMessage) -> DeliveryResult:
        said: DeliveryResult | None = getattr(copied, "delivery_result", None)
        return said or unsent(
            envelope_of(original).rcpt_to, None, kind="suppressed", mailer=self.alias
        )


class RouterBackend(_Forwarding):
    """Hands each message to the one of its mailers that `choose` names.

    Messages for the same mailer leave together. When a mailer raises, the others still
    get theirs; then the first error is raised, the others are logged, and every message
    that was sent says so in its `delivery_result`.

    `choose` may name several, in the order in which they are asked. A mailer that cannot
    be reached, or refuses the log-in, is down: it rests for `retry_after` seconds, then
    takes one message on trial, and rests twice as long each time it is still down, at most
    `max_retry_after`. What a mailer says of a message or of a recipient is final. One that
    it only puts off (4xx) goes on to the next, unless `on_busy` is "raise". If the answer
    was lost the message may have gone out: it goes on only if `on_unknown` is "next". Every
    try has the same Message-ID. With `cache`, the name of a cache, all processes share what
    they know of each mailer.

    Raises `NoMailerError` if none could be reached.
    """

    kind: ClassVar[BackendKind] = "router"
    _expects: ClassVar[str] = "messages may go to; a list of them"

    def __init__(
        self,
        *,
        retry_after: float = 60.0,
        max_retry_after: float = 900.0,
        on_busy: Literal["next", "raise"] = "next",
        on_unknown: Literal["next", "raise"] = "raise",
        cache: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        own = {
            "retry_after": retry_after,
            "max_retry_after": max_retry_after,
            "on_busy": on_busy,
            "on_unknown": on_unknown,
            "cache": cache,
        }
        for problem in mistakes(own):
            raise InvalidMailer(problem, alias=self.alias)
        self.rules = Rules(busy=on_busy, unknown=on_unknown)
        self.patience = Patience(
            retry_after=retry_after, max_retry_after=max_retry_after
        )
        self.cache = cache

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        return [
            *super().check(alias, options),
            *option_errors(alias, mistakes(options)),
        ]

    def open(self) -> bool:
        """Open the mailers that can be reached; True if that made a new connection."""
        made_one = False
        for alias in self.using:
            if self.breaker(alias).health == "open":
                continue
            mailer = self._opened[alias] = self._opened.get(alias) or get_mailer(alias)
            with contextlib.suppress(OSError):  # told when there is mail for it
                made_one = bool(mailer.open()) or made_one
        return made_one

    def choose(self, message: EmailMessage) -> str | Sequence[str | None] | None:
        """One of `self.using`, or several in the order in which they are asked."""
        raise NotImplementedError("a router must say which mailer takes a message")

    def split(self, message: EmailMessage) -> Sequence[Collection[str]]:
        """Groups of its bare addresses that are to go apart: `choose` gets a copy to each.

        With less than two groups the message stays whole.
        """
        return ()

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Closed: override `choose`. Returns how many messages were sent in all."""
        stream = self._routed(self._inline)
        sent = 0
        for message in email_messages:
            stream.put(message)
        failures: dict[int, tuple[str | None, Exception]] = {}  # one may be of many
        while (fate := stream.fate(0)) is not None:
            error, sent = fate.error, sent + fate.sent
            if error and not (self.fail_silently and isinstance(error, OSError)):
                failures.setdefault(id(error), (fate.alias, error))
        if failures:
            (_, first), *others = failures.values()
            for alias, error in others:
                kind = type(error).__name__
                logger.warning("The mailer %s failed as well: %s", alias, kind)
            raise first
        return sent

    def stream(self, concurrency: int | None = None) -> Stream | None:
        """For an outbox: to begin to send and to learn of outcomes apart."""
        if type(self).send_messages is not RouterBackend.send_messages:
            return None

        def open_member(alias: str | None) -> Stream:
            return open_stream(partial(get_mailer, alias), concurrency)

        return self._routed(open_member)

    def _routed(self, open_member: Callable[[str | None], Member]) -> SplitStream:
        return SplitStream(self._route, open_member, split=self.split, name=self.alias)

    def _route(self, message: EmailMessage) -> Route:
        chosen = self.choose(message)
        aliases = (
            (chosen,) if chosen is None or isinstance(chosen, str) else tuple(chosen)
        )
        for alias in aliases:
            if alias not in self.using:
                raise InvalidMailer(
                    f"chose the mailer {alias!r}, which is not in 'using' "
                    f"({', '.join(map(repr, self.using))}).",
                    alias=self.alias,
                )
        if len(aliases) == 1:
            return Route(aliases)
        return Route(aliases, self.breaker, self.rules)

    def breaker(self, alias: str | None) -> Breaker:
        """What is known of a mailer: whether it is down, and for how long."""
        return breaker_of(self.alias, alias, self.patience, self.cache)

    def _inline(self, alias: str | None) -> Inline:
        opened = self._opened.get(alias)
        return Inline(alias, opened or get_mailer(alias), keep=opened is not None)


def _configured() -> str:
    return ", ".join(map(repr, mailers)) or "none"
