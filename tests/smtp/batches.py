"""Batches for the tests of the pipeline, and what came of them."""

from __future__ import annotations

import contextlib

import pytest
from misbehaving_server import (
    CLASSIC,
    PIPELINING,
    MisbehavingServer,
)

from django_mailplus.smtp.opening import ConnectionOptions, connect
from django_mailplus.smtp.pipeline import Job, send_all

BOTH = pytest.mark.parametrize("ehlo", [PIPELINING, CLASSIC], ids=["piped", "classic"])


def job(number: int = 1, *, to=None, body: bytes | None = None, **changes) -> Job:
    values = {
        "mail_from": f"ann{number}@example.com",
        "rcpt_to": tuple(to or [f"bob{number}@example.com"]),
        "body": b"Message-ID: <%d@x>\r\n\r\nText %d\r\n" % (number, number)
        if body is None
        else body,
    }
    return Job(**values | changes)


def open_session(server, **options):
    options = {"timeout": 5, "local_hostname": "client", **options}
    return connect(ConnectionOptions(host=server.host, port=server.port, **options))


@contextlib.contextmanager
def serving(**script):
    with MisbehavingServer(**script) as server:
        session = open_session(server, timeout=script.pop("timeout", 5))
        try:
            yield server, session
        finally:
            session.close()
            server.settle()


def send(*jobs, timeout=5, **script):
    """What became of the jobs, and the server."""
    with MisbehavingServer(**script) as server:
        session = open_session(server, timeout=timeout)
        outcomes = list(send_all(session, jobs))
        session.close()
        server.settle()
    return outcomes, server


def kinds(outcomes):
    return [outcome.kind for outcome in outcomes]


def senders(server):
    return [taken.sender for taken in server.taken]
