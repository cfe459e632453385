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

from django_mailplus.backends.breakers import Breaker, Patience, breaker_of
from django_mailplus.backends.declaring import (
    BackendKind,
    MailplusBackend,
    option_errors,
)
from django_mailplus.backends.forwarding import Forwarding, Pair
from django_mailplus.backends.inline import Inline
from django_mailplus.backends.preparing import PreparedStream
from django_mailplus.backends.routing import Member, Route, Rules, mistakes
from django_mailplus.backends.splitting import SplitStream
from django_mailplus.blocking import check_may_send
from django_mailplus.chain import aliases_in, refuse_return
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.delivery import DeliveryResult, get_result, set_result, unsent
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


class WrapperBackend(Forwarding):
    """Hands messages to one mailer after `prepare` has seen a copy of each.

    `prepare` runs for the whole batch before anything is handed on: if it raises,
    nothing of the batch was sent. An OSError is then silent where `fail_silently` says so.
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
            set_result(original, None)
            copies.append(copied := copy_message(original))
            refuse_return(copied, self.alias)
        try:
            made = self.prepare_all(copies)
        except OSError as error:
            self._note_unsent(originals, error)
            if not self.fail_silently:
                raise
            return 0
        pairs = []
        for original, copied, prepared in zip(originals, copies, made, strict=True):
            if prepared is not None:
                pairs.append((original, prepared))
            else:
                set_result(original, self._dropped(copied, original))
        return self._hand_on(pairs) if pairs else 0

    def _hand_on(self, pairs: list[Pair]) -> int:
        """What is kept, each with the message that is sent in its place."""
        return self._forward(self.using[0], pairs)

    def stream(self, concurrency: int | None = None) -> Stream | None:
        """For an outbox: to begin to send and to learn of outcomes apart."""
        if type(self).send_messages is not WrapperBackend.send_messages:
            return None  # such as an outbox, which keeps what it is given
        return PreparedStream(
            self._next_stream(concurrency),
            prepare=self.prepare,
            dropped=self._dropped,
            carry=self.carry,
        )

    def _next_stream(self, concurrency: int | None) -> Stream:
        return open_stream(partial(get_mailer, self.using[0]), concurrency)

    def _dropped(self, copied: EmailMessage, original: EmailMessage) -> DeliveryResult:
        return get_result(copied) or unsent(
            envelope_of(original).rcpt_to, None, kind="suppressed", mailer=self.alias
        )


class RouterBackend(Forwarding):
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
            *option_errors(cls, alias, mistakes(options)),
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
        check_may_send()  # before a mailer would be taken for one that is down
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
        some = not set(aliases).issuperset(self.using)  # others are for other messages
        if len(aliases) == 1:
            return Route(aliases, partial=some)
        return Route(aliases, self.breaker, self.rules, partial=some)

    def breaker(self, alias: str | None) -> Breaker:
        """What is known of a mailer: whether it is down, and for how long."""
        return breaker_of(self.alias, alias, self.patience, self.cache)

    def _inline(self, alias: str | None) -> Inline:
        opened = self._opened.get(alias)
        return Inline(alias, opened or get_mailer(alias), keep=opened is not None)
