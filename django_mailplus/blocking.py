"""Code that only shows mail must not send any, whatever it calls.

Our SMTP backend asks before it sends. Other backends meet Python's audit events: in such
code it refuses connections to the ports of mail servers and of the web, what smtplib and
http.client would say over connections that are open already, and programs that send mail.

That holds in the thread of such code, in what it awaits, and in the threads that it begins:
for their life, or, for those of a pool, until the code is done, for a pool goes on to work for
others. A thread that ran before, a worker or another process is free: what is handed over to
one is sent there.
"""

from __future__ import annotations

import functools
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django_mailplus.exceptions import SendingBlockedError

__all__ = ["check_may_send", "sending_blocked"]

_WEB_AND_MAIL = frozenset({25, 80, 443, 465, 587, 2525})
_PROGRAMS = re.compile(
    r"(?:^|[\s/'\"])(?:sendmail|[sme]?smtp|mailx|exim4?|qmail-inject|swaks)(?=['\"\s]|$)"
)


class _Block:
    """What is refused to the code of one block, in whichever threads it runs."""

    def __init__(self, ports: frozenset[int]) -> None:
        self.ports = ports
        self.is_over = False


_here: ContextVar[_Block | None] = ContextVar("mailplus_block", default=None)
_OF_A_THREAD = "mailplus_block"  # attributes of a thread that was begun in a block
_FOR_LIFE = "mailplus_block_for_life"


@contextmanager
def sending_blocked(ports: frozenset[int] = frozenset()) -> Iterator[None]:
    """Nothing is sent here, or by threads that begin here; `ports` are those of further mail
    servers than the usual ones."""
    _watch()
    block = _Block(_WEB_AND_MAIL | ports)
    token = _here.set(block)
    try:
        yield
    finally:
        block.is_over = True
        _here.reset(token)


def check_may_send() -> None:
    """Raises SendingBlockedError where nothing may be sent."""
    if _block() is not None:
        raise SendingBlockedError(
            "Code that is only to make a mail, such as a preview, tried to send one. Let it "
            "return the message instead of calling send()."
        )


def _block() -> _Block | None:
    if (block := _here.get()) is not None:
        return block
    own = vars(threading.current_thread())
    begun_in: _Block | None = own.get(_OF_A_THREAD)
    if begun_in is None or (begun_in.is_over and not own.get(_FOR_LIFE)):
        return None
    return begun_in


@functools.cache
def _watch() -> None:
    """From the first block of a process on: an audit hook cannot be taken away again."""
    sys.addaudithook(_audit)
    if sys.version_info < (3, 12):  # where no event tells that a thread begins
        kind: Any = threading.Thread
        start = kind.start

        @functools.wraps(start)
        def told(thread: Any) -> None:
            sys.audit("_thread.start_new_thread", thread.run)
            start(thread)

        kind.start = told


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if (watch := _WATCHED.get(event)) and (block := _block()):
        watch(block, *arguments)


def _connect(block: _Block, _socket: Any, address: Any) -> None:
    if isinstance(address, tuple) and address[1] in block.ports:
        check_may_send()


def _over_http(block: _Block, connection: Any, _data: Any) -> None:
    if connection.port in block.ports:
        check_may_send()


def _program(_block: _Block, *arguments: Any) -> None:
    """Of subprocess.Popen executable, arguments and more; of os.system the command."""
    given = arguments[1] if len(arguments) > 1 else arguments[0]
    words = [given] if isinstance(given, str | bytes) else given
    for word in words:
        text = word.decode(errors="replace") if isinstance(word, bytes) else str(word)
        if _PROGRAMS.search(text):
            check_may_send()


def _thread(block: _Block, function: Any, *_more: Any) -> None:
    """It is under the same block: for its life, for nobody else has work for it.

    But one of a pool goes on to work for others, and is free when the block is over.
    """
    thread = getattr(function, "__self__", None)
    if isinstance(thread, threading.Thread):
        work = getattr(thread, "_target", None)
        is_of_a_pool = getattr(work, "__module__", "") == "concurrent.futures.thread"
        vars(thread)[_OF_A_THREAD] = block
        vars(thread)[_FOR_LIFE] = not is_of_a_pool


def _smtp(_block: _Block, *_arguments: Any) -> None:
    check_may_send()


_WATCHED: Mapping[str, Callable[..., None]] = {
    "_thread.start_joinable_thread": _thread,  # Python 3.13
    "_thread.start_new_thread": _thread,  # Python 3.12, and ours before
    "http.client.send": _over_http,
    "os.system": _program,
    "smtplib.connect": _smtp,
    "smtplib.send": _smtp,
    "socket.connect": _connect,
    "subprocess.Popen": _program,
}
