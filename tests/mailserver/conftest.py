"""A real server for each test, on a port of its own, stopped at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer


@dataclass
class Running:
    server: MailServer
    mails: list[ReceivedMail] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


@pytest.fixture
def run_server() -> Iterator[Callable[..., Running]]:
    """Call it with options of MailServer; gives the server and what it took and refused."""
    with ExitStack() as stack:

        def run(**options: Any) -> Running:
            mails: list[ReceivedMail] = []
            events: list[str] = []
            options.setdefault("on_message", mails.append)
            server = MailServer(on_refused=events.append, **options)
            stack.enter_context(server)
            return Running(server, mails, events)

        yield run
