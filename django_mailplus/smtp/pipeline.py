"""A batch of messages over one session, at about one round trip for each.

With PIPELINING (RFC 2920) MAIL, RCPT and DATA leave together, and together with the
content of the message before. Every message has exactly one outcome, and content is
completed only where the server's replies say beyond doubt to whom it goes.
"""

from __future__ import annotations

import smtplib
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from functools import lru_cache

from django_mailplus.smtp.channel import ReplyTimeoutError, SMTPReplyError
from django_mailplus.smtp.distrust import distrust
from django_mailplus.smtp.jobs import Job, Offer, Turn, prepare
from django_mailplus.smtp.replies import Reply, parse_reply
from django_mailplus.smtp.session import Session
from django_mailplus.smtp.tracebacks import without_frames
from django_mailplus.smtp.transaction import Transaction

__all__ = ["Job", "PipeliningError", "send_all"]

# Commands whose replies are not read yet. What a server answers to so many fits the
# buffers between us, so that it never has to wait for us to read while we write.
WINDOW = 100

# Timeouts to wait for the answer to a content, which many servers examine meanwhile: to
# stop waiting is not to know. RFC 5321 section 4.5.3.2 gives it more than all others.
_EXAMINATION = 6.0
_EXAMINED = 262_144  # bytes for which they may have another timeout

_RSET = b"RSET\r\n"
_reply = lru_cache(maxsize=256)(parse_reply)  # most are the same for every message


class PipeliningError(smtplib.SMTPServerDisconnected):
    """The replies to commands sent together do not fit; the next session sends them singly."""


def send_all(
    session: Session, jobs: Iterable[Job]
) -> Generator[Transaction, None, None]:
    """Send each job; yields one transaction for each, in order, soon after its reply.

    Reads at most two jobs ahead of the outcome it yields; jobs must not wait for the
    outcomes. Nothing that the server or the network does is raised: `Transaction.error`
    holds what ended the session, for the message it struck and for all after it, which
    were not sent. What `jobs` itself raises is raised after the outcomes of the jobs
    before; an interrupt after the outcome of the message that it struck, which holds it.
    While it runs nobody else may use the session: RuntimeError for another batch. To
    stop early, close the generator: where the next message was begun, that closes the
    connection, and nothing more is completed.
    """
    return _Batch(session, jobs).run()


class _Batch:
    def __init__(self, session: Session, jobs: Iterable[Job]) -> None:
        self._session = session
        self._failure: BaseException | None = None  # what ended the session
        self._begun = False  # whether a transaction is open, or its replies are due
        if session.busy:
            # Its commands would be read as the content of the message under way.
            raise RuntimeError("This connection is in the middle of another batch.")
        try:
            session.ehlo_or_helo_if_needed()
            self._channel = session.channel
        except (OSError, UnicodeError) as error:
            self._end(error)
        self._offer = Offer.of(session, pipelining=session.pipelining)
        self._window = WINDOW if self._offer.pipelining else 1
        self._queue = _Queue(jobs, self._offer)

    def run(self) -> Generator[Transaction, None, None]:
        self._session.busy = True
        try:
            while (turn := self._queue.take()) is not None:
                if turn.sendable:
                    self._send(turn)
                yield turn.transaction
                if self._failure and not isinstance(self._failure, Exception):
                    raise self._failure
        finally:
            self._session.busy = False
            if self._begun:  # stopped, or broken: it must not be completed by chance
                self._session.close()
        if self._queue.error is not None:
            raise self._queue.error

    def _send(self, turn: Turn) -> None:
        if self._failure is None:
            try:
                self._transact(turn)
            except BaseException as error:
                # An interrupt or a time limit, too: whatever struck while the answer
                # was awaited, the message may have been taken, and its outcome says so.
                self._end(error)
                turn.transaction.error = without_frames(error)
            return
        turn.transaction.error = self._failure

    def _end(self, error: BaseException) -> None:
        if isinstance(error, PipeliningError):
            distrust(self._session.server)
        self._failure = error
        self._begun = False
        self._session.close()

    # --- One message ----------------------------------------------------------------

    def _transact(self, turn: Turn) -> None:
        self._envelope(turn)
        reply = turn.transaction.mail_reply
        if reply is not None and reply.code == 503 and not turn.repeated:
            # The order of the commands, not the sender: some servers keep what a
            # refused content leaves behind until RSET.
            wanted = turn.wanted
            turn.start_again()  # whatever was answered was not about this message
            if wanted:
                raise PipeliningError("The server mixes two transactions up")
            self._session.reset_due = True
            self._envelope(turn)
        if not turn.wanted:
            self._begun = False
            self._session.reset_due = True
        elif turn.accepted and not turn.refused_as_sender:
            self._content(turn)
        elif turn.accepted:
            # A lone dot would be an empty message for those who were accepted.
            raise PipeliningError("The server asks for content after refusing MAIL")
        else:
            self._nothing(turn)

    def _envelope(self, turn: Turn) -> None:
        """Ask until everything was answered, or more questions make no sense."""
        self._begun = True
        if turn.asked and (commands := self._unshown(turn)):
            self._session.show_sent(commands)
        while True:
            while turn.heard < turn.asked:
                self._hear(turn)
            if turn.asked == len(turn.commands) or self._hopeless(turn):
                return
            self._ask(turn)

    def _hopeless(self, turn: Turn) -> bool:
        only_data_left = turn.asked == len(turn.commands) - 1
        return turn.refused_as_sender or (only_data_left and not turn.accepted)

    def _next_commands(self, turn: Turn) -> bytes:
        commands = turn.commands[turn.asked : turn.asked + self._window]
        turn.asked += len(commands)
        return b"".join(commands)

    def _ask(self, turn: Turn) -> None:
        if turn.asked == 0 and self._session.reset_due:
            self._reset(turn)
            return
        first = turn.asked == 0
        commands = self._next_commands(turn)
        self._session.used += first
        self._session.show_sent(commands)
        self._write(commands)
        self._queue.look_ahead(1)

    def _reset(self, turn: Turn) -> None:
        """RSET, with the envelope in the same write where that is allowed."""
        self._session.reset_due = False
        self._session.used += self._window > 1
        commands = self._next_commands(turn) if self._window > 1 else b""
        self._session.show_sent(_RSET + commands)
        self._write(_RSET + commands)
        reply = self._read(turn)
        self._heed(reply, "RSET")
        if reply.kind != "accepted":
            raise self._confused(f"The server answers RSET with {reply.code}")

    def _hear(self, turn: Turn) -> None:
        """The reply to the next command of the envelope."""
        place = turn.heard
        reply = self._read(turn)
        turn.heard += 1
        transaction = turn.transaction
        if place == len(turn.commands) - 1:
            self._hear_data(turn, reply)
            return
        if place == 0:
            transaction.mail_reply = reply
        elif not turn.refused_as_sender or reply.kind == "accepted":
            # Behind a refused MAIL a refusal says nothing about the recipient.
            transaction.answers[turn.recipients[place - 1]] = reply
        self._heed(reply, "an envelope")

    def _hear_data(self, turn: Turn, reply: Reply) -> None:
        turn.wanted = reply.code == 354
        if not turn.wanted and turn.accepted and not turn.refused_as_sender:
            turn.transaction.final_reply = reply
            turn.transaction.phase = "refused"
        if reply.kind == "accepted":
            raise self._confused(f"The server answers DATA with {reply.code}")
        if not turn.wanted:
            self._heed(reply, "DATA")

    def _content(self, turn: Turn) -> None:
        """The content, and the next envelope in the same write; then the reply."""
        turn.permit()
        self._nothing_unasked(turn)
        transaction, content = turn.transaction, turn.content
        transaction.phase = "data"
        following = self._following()
        commands = self._next_commands(following) if following else b""
        self._session.show_sent(content)
        try:
            self._write(content + commands, silence=len(content))
        except BaseException as error:
            turn.patience = 1
            whole = self._channel.written > len(content) - len(b".\r\n")
            transaction.phase = "answer" if whole else "data"
            if isinstance(error, smtplib.SMTPServerDisconnected):
                (self._hear_final if whole else self._interrupted)(turn)
            raise
        transaction.phase = "answer"
        turn.patience = _EXAMINATION + len(content) / _EXAMINED
        turn.content = b""
        if following:
            following.behind = True
            self._session.used += 1
            self._queue.look_ahead(2)
        self._hear_final(turn)
        self._begun = following is not None
        if following is None and turn.transaction.kind != "accepted":
            self._session.reset_due = True  # some keep a transaction that they refused

    def _hear_final(self, turn: Turn) -> None:
        reply = self._read(turn, timeouts=turn.patience)
        turn.transaction.final_reply = reply
        turn.transaction.phase = "done"
        self._heed(reply, "a message")

    def _following(self) -> Turn | None:
        """The next message, if its envelope can go along."""
        if self._window == 1:
            return None
        turn = self._queue.look_ahead(1)
        return turn if turn is not None and turn.sendable else None

    def _nothing(self, turn: Turn) -> None:
        """A lone dot: DATA was accepted, but nobody was (RFC 2920 section 3.1)."""
        self._nothing_unasked(turn)
        self._session.show_sent(b".\r\n")
        self._write(b".\r\n")
        self._heed(self._read(turn), "a lone dot")
        self._begun = False
        self._session.reset_due = True

    # --- The wire -------------------------------------------------------------------

    def _write(self, data: bytes, *, silence: int = 0) -> None:
        self._channel.written = 0
        sys.audit("smtplib.send", self._session, data)
        self._channel.write(data, silence=silence)

    def _read(self, turn: Turn, *, timeouts: float = 1) -> Reply:
        try:
            code, text = self._channel.reply(timeouts=timeouts)
        except ReplyTimeoutError as error:
            together = self._window > 1 and turn.heard < turn.asked > 1
            if together and (turn.heard or turn.behind):
                raise PipeliningError(
                    "The server drops commands that were sent together: timed out"
                ) from error
            raise
        self._session.show_received(code, text)
        return _reply(code, text)

    def _nothing_unasked(self, turn: Turn) -> None:
        """A reply too many would be taken for the answer to the content."""
        if self._channel.quiet():
            return
        if not self._channel.buffered:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        self._interrupted(turn)
        raise self._confused("The server says more than it was asked")

    def _interrupted(self, turn: Turn) -> None:
        """Keep the reply that came before the end of the content, if it is a refusal."""
        if not self._channel.buffered:
            return
        reply = self._read(turn)
        if reply.kind in ("transient", "permanent"):
            turn.transaction.final_reply = reply
            turn.transaction.phase = "refused"

    def _heed(self, reply: Reply, what: str) -> None:
        """Raise for a reply behind which the session cannot go on."""
        if reply.code == 421:  # RFC 5321 section 3.8
            raise smtplib.SMTPServerDisconnected("The server closes the session (421)")
        if reply.code // 100 not in (2, 4, 5):
            raise self._confused(f"The server answers {what} with {reply.code}")

    def _confused(self, text: str) -> smtplib.SMTPException:
        if self._window > 1:
            return PipeliningError(text)
        return SMTPReplyError(-1, text.encode())

    def _unshown(self, turn: Turn) -> bytes:
        return b"".join(turn.commands[: turn.asked])


class _Queue:
    """Prepared jobs, read from their source as late as possible."""

    def __init__(self, jobs: Iterable[Job], offer: Offer) -> None:
        self._jobs: Iterator[Job] | None = iter(jobs)
        self._offer = offer
        self._turns: deque[Turn] = deque()
        self.error: Exception | None = None

    def take(self) -> Turn | None:
        self.look_ahead(1)
        return self._turns.popleft() if self._turns else None

    def look_ahead(self, count: int) -> Turn | None:
        """The turn so many places ahead, if there is one."""
        while self._jobs is not None and len(self._turns) < count:
            try:
                self._turns.append(prepare(next(self._jobs), self._offer))
            except StopIteration:
                self._jobs = None
            except Exception as error:  # the messages before it still have an outcome
                self.error, self._jobs = error, None
        return self._turns[count - 1] if len(self._turns) >= count else None
