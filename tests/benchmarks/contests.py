"""Who does what in each row: Django's backend first, ours second, others beside them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

from benchmarks import corpus, peers, servers
from benchmarks.peers import DjangosBackend, OurBackend, Peer
from benchmarks.rounds import Contestant
from django.core.mail import EmailMessage

__all__ = ["Stage", "as_bytes", "batch", "loopback", "one_by_one"]


class Stage:
    """The servers of one run, started when a row first wants them."""

    def __init__(self, stack: contextlib.ExitStack, *, own_sink: bool = False) -> None:
        self._stack = stack
        self._own = own_sink or servers.postfix("smtp-sink") is None
        self._away: dict[tuple[int, float], int] = {}

    @functools.cached_property
    def sink(self) -> int:
        make = servers.own_sink if self._own else servers.smtp_sink
        return self._stack.enter_context(make())

    @functools.cached_property
    def encrypting(self) -> int:
        return self._stack.enter_context(servers.encrypting_sink())

    def away(self, port: int, rtt: float) -> int:
        """The port of the same server at a distance; 0 ms is no proxy at all."""
        if rtt and (port, rtt) not in self._away:
            delayed = servers.delayed(port, rtt)
            self._away[port, rtt] = self._stack.enter_context(delayed)
        return self._away.get((port, rtt), port)


def as_bytes(build: corpus.Build, stage: Stage) -> list[Contestant]:
    def prepare(count: int) -> list[EmailMessage]:
        return list(corpus.messages(build, count))

    def work(
        to_bytes: Callable[[EmailMessage], bytes], prepared: list[EmailMessage]
    ) -> int:
        return sum(bool(to_bytes(message)) for message in prepared)

    ours = peers.our_bytes()
    return [
        Contestant(
            name="Django",
            prepare=prepare,
            work=functools.partial(work, peers.djangos_bytes()),
        ),
        Contestant(
            name="django-mailplus",
            prepare=prepare,
            work=functools.partial(work, ours or peers.djangos_bytes()),
            missing="" if ours else "not there: django_mailplus.message.wire",
        ),
    ]


def _backend(
    peer: Peer,
    send: Callable[[Callable[[], Any], list[EmailMessage]], int],
    port: int,
    *,
    encrypted: bool = False,
    **options: Any,
) -> Contestant:
    """A backend with those of the options that it has."""
    known = peers.understood(peer, **options)
    lacking = " and ".join(name for name in options if name not in known)
    ours = peer is OurBackend
    return Contestant(
        name="django-mailplus" if ours else "Django",
        prepare=lambda count: list(corpus.messages(corpus.english, count)),
        work=functools.partial(
            send,
            functools.partial(peers.connect, peer, port, encrypted=encrypted, **known),
        ),
        note=f"without {lacking}: not there" if ours and lacking else "",
    )


def _at_once(connect: Callable[[], Any], batch: list[EmailMessage]) -> int:
    return int(connect().send_messages(batch) or 0)


def _singly(connect: Callable[[], Any], batch: list[EmailMessage]) -> int:
    return sum(int(connect().send_messages([message]) or 0) for message in batch)


def batch(rtt: float, stage: Stage, **options: Any) -> list[Contestant]:
    port = stage.away(stage.sink, rtt)
    return [
        _backend(peer, _at_once, port, **options)
        for peer in (DjangosBackend, OurBackend)
    ]


def loopback(stage: Stage) -> list[Contestant]:
    port = stage.sink
    to_bytes = peers.djangos_bytes()

    def prepare(count: int) -> peers.Prepared:
        return [
            (message.to[0].partition("<")[2].rstrip(">"), to_bytes(message))
            for message in corpus.messages(corpus.english, count)
        ]

    size = len(to_bytes(corpus.english(1)))
    return [
        *batch(0, stage),
        Contestant(
            name="smtplib with ready-made bytes",
            prepare=prepare,
            work=functools.partial(peers.send_bytes, port),
        ),
        Contestant(
            name="aiosmtplib with ready-made bytes",
            prepare=prepare,
            work=functools.partial(peers.send_bytes_async, port),
            missing=peers.missing_aiosmtplib(),
        ),
        Contestant(
            name="smtp-source, in C",
            prepare=lambda count: count,
            work=lambda count: peers.send_with_smtp_source(port, count, size),
            missing=peers.missing_smtp_source(),
        ),
    ]


def one_by_one(stage: Stage) -> list[Contestant]:
    port = stage.away(stage.encrypting, 20)
    return [
        _backend(peer, _singly, port, encrypted=True, pool_size=1)
        for peer in (DjangosBackend, OurBackend)
    ]
