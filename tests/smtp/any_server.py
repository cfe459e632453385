"""A server that does anything at any step, and knows what it has really done."""

from __future__ import annotations

import random
import sys
import threading
import time

from misbehaving_server import CLASSIC, DEAF, PIPELINING, RESET, MisbehavingServer
from scripted_server import CLOSE, SILENCE

_GOOD = {
    "banner": ["220 any"],
    "mail": ["250 2.1.0 ok", "250 2.1.0 ok", "251 hm", "250-ok\n250 ok", "250"],
    "rcpt": ["250 2.1.5 ok", "250 2.1.5 ok", "251 forwards", "252 perhaps", "250"],
    "data": ["354 go", "354 go", "354", "354-go\n354 on"],
    "content": ["250 2.0.0 queued", "250 2.0.0 queued", "251 hm", "250-a\n250 b"],
    "empty": ["554 5.5.1 nobody", "250 an empty one, then"],
    "rset": ["250 ok"],
    "quit": ["221 bye"],
}
_BAD = {
    "refusals": [
        "450 4.2.0 later",
        "451 4.7.1 grey",
        "452 4.5.3 too many",
        "550 5.1.1 no",
        "554 5.7.1 never",
        "503 5.5.1 order",
        "530 5.7.0 log in",
        "550-no\n550 no",
    ],
    "ends": [
        f"421 4.3.2 closing|{CLOSE}",
        "421 4.3.2 closing",
        f"421 4.3.2 closing|{RESET}",
        CLOSE,
        RESET,
        f"450 later|{CLOSE}",
        f"550 no|{RESET}",
    ],
    "nonsense": ["hm", "354 what", "100 wait", "250ok", "999 x", "550-no\n25"],
    "silence": [SILENCE, f"250 ok|{DEAF}"],
}


class AnyServer(MisbehavingServer):
    """Draws each reply; `trouble` is the share of those that are not good.

    `whole` are the senders whose content came to its end; `said` is which code went to
    which sender, and to which recipient if it was about one.
    """

    def __init__(
        self, seed, *, trouble, limit=99, most=10**6, silent=0.1, cut_after=-1, tls=None
    ):
        self.seed, self.trouble, self.limit, self.most = seed, trouble, limit, most
        self.silent = silent
        self.whole, self.said = [], []
        self.connected = 0
        self._counting = threading.Lock()
        self._numbers = iter(range(10**9))
        super().__init__(tls=tls, cut_after=cut_after)

    def _talk(self, session):
        with self._counting:
            self.connected += 1
            number, full = next(self._numbers), self.connected > self.limit
        session.random = random.Random(f"{self.seed}-{number}")  # noqa: S311
        session.drawn, session.held = {}, b""
        session.current = session.recipient = ""
        session.bytewise = session.random.random() < 0.2
        session.ehlo = session.random.choice([PIPELINING, PIPELINING, CLASSIC])
        session.taken = 0
        try:
            if full:
                self._send(session, f"421 too many connections|{CLOSE}")
            super()._talk(session)
        finally:
            with self._counting:
                self.connected -= 1

    def _choose(self, session, step, line, *, advance=True):
        if step == "ehlo":
            return session.ehlo
        turn = session.turns.get(step, 0)
        session.turns[step] = turn + advance
        if turn not in session.drawn.setdefault(step, {}):
            session.drawn[step][turn] = self._draw(session, step)
        return session.drawn[step][turn]

    def _draw(self, session, step):
        dice = session.random
        if step == "mail" and session.taken >= self.most:
            return dice.choice([CLOSE, RESET, f"421 enough|{CLOSE}"])
        trouble = self.trouble * (0.1 if step in ("banner", "rset") else 1)
        if step == "quit" or dice.random() >= trouble:
            return dice.choice(_GOOD[step])
        if dice.random() < self.silent:
            return dice.choice(_BAD["silence"])
        return dice.choice(
            _BAD[dice.choice(["refusals", "refusals", "ends", "nonsense"])]
        )

    def _mail(self, session, line):
        session.current = _path(line)
        super()._mail(session, line)

    def _rcpt(self, session, line):
        session.recipient = _path(line)
        super()._rcpt(session, line)
        session.recipient = ""

    def _content(self, session):
        try:
            return super()._content(session)
        finally:
            # Where we cut it off ourselves, nobody there knows how far it came.
            if sys.exception() is None or self.cut_after >= 0:
                self.whole.append(session.sender)

    def _data(self, session, line):
        before = len(self.taken)
        try:
            super()._data(session, line)
        finally:
            session.taken += len(self.taken) - before

    def _send(self, session, reply):
        self.said.append((session.current, session.recipient, reply[:3]))
        if reply in (CLOSE, RESET, SILENCE) or "|" in reply:
            self._flush(session)
            super()._send(session, reply)
            return
        session.held += reply.replace("\n", "\r\n").encode() + b"\r\n"
        if session.random.random() < 0.3:
            self._flush(session)

    def _receive(self, session):
        self._flush(session)
        super()._receive(session)

    def _flush(self, session):
        held, session.held = session.held, b""
        pieces = (
            [held[i : i + 1] for i in range(len(held))] if session.bytewise else [held]
        )
        for piece in pieces:
            session.sock.sendall(piece)
            if session.bytewise and session.random.random() < 0.05:
                time.sleep(0.001)


def _path(line):
    return line.partition("<")[2].partition(">")[0]
