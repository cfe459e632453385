"""The mail server of the survival tests: remembers every message that it took on."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable

from misbehaving_server import MisbehavingServer

__all__ = ["Sink"]

_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE | re.IGNORECASE)


class Sink(MisbehavingServer):
    """Lives in the process of the test, which nobody kills.

    `pause` gives the seconds to wait before each answer to a content that was taken;
    `dropping` such answers are never given, the connection is closed instead.
    `before_answer` is called before such an answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._deciding = threading.Lock()
        self.start_over()

    def start_over(self) -> None:
        self.plan()
        self.start_over_answers()

    def start_over_answers(self) -> None:
        self.pause: Callable[[], float] = lambda: 0.0
        self.before_answer: Callable[[], object] = lambda: None
        self.dropping = 0
        self.dropped = 0

    def _say(self, session: object, step: str, line: str = "") -> str:  # type: ignore[override]
        if step == "content":
            self.before_answer()
            if wait := self.pause():
                time.sleep(wait)
            with self._deciding:
                drop = self.dropping > 0
                self.dropping -= drop
                self.dropped += drop
            if drop:
                raise EOFError
        return super()._say(session, step, line)  # type: ignore[arg-type]

    def accepted(self, *, client: str | None = None) -> Counter[str]:
        """How often each Message-ID was taken, from one client or from all."""
        found = (
            _MESSAGE_ID.search(taken.content)
            for taken in list(self.taken)
            if client in (None, taken.client)
        )
        return Counter(each[1].decode() for each in found if each is not None)

    def recipients_of(self, message_id: str) -> list[list[str]]:
        """Those of each time that it was taken."""
        wanted = message_id.encode()
        return [t.recipients for t in list(self.taken) if wanted in t.content]
