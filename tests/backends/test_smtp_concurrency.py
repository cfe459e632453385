"""Several connections at once: every message is tried, and every failure told."""

from __future__ import annotations

import smtplib
import threading

import pytest
from backends.stage import PIPELINING, connections, kind, letters
from django.core.mail import EmailMessage
from scripted_server import CLOSE, ScriptedServer

from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.exceptions import PartialDeliveryError
from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.usefixtures("forget_connections")


def test_concurrency_sends_all_and_counts(mailer, peer):
    batch = letters(40)
    assert mailer(concurrency=4)().send_messages(iter(batch)) == 40
    assert {kind(m) for m in batch} == {"accepted"}
    assert len(peer.messages) == 40
    assert 1 <= connections(peer) <= 4


def test_concurrency_tries_every_message_and_tells_all_failures(mailer, peer):
    peer.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    wrong = EmailMessage("a\nb", "Body", "ann@example.com", ["bob@example.com"])
    batch = [*letters(5), *letters(1, "bad@example.com"), wrong, *letters(5)]
    with pytest.raises(PartialDeliveryError, match="2 of 12 messages") as raised:
        mailer(concurrency=3)().send_messages(batch)
    assert raised.value.sent == 10
    failed = dict(raised.value.failures)
    assert isinstance(failed[batch[5]], smtplib.SMTPRecipientsRefused)
    assert isinstance(failed[wrong], ValueError)
    assert [kind(m) for m in batch].count("accepted") == 10
    assert classify(raised.value) == "unknown"
    assert "example.com" not in str(raised.value)


def test_concurrency_and_fail_silently(mailer, peer):
    peer.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    batch = [*letters(3), *letters(1, "bad@example.com")]
    backend = mailer(concurrency=2, fail_silently=True)
    assert backend().send_messages(batch) == 3


def test_a_server_that_breaks_off_takes_down_one_message_each_time(mailer, peer):
    """And one that dies between two messages takes down none that was not begun."""
    peer.replies["content"] = CLOSE
    batch = letters(6)
    with pytest.raises(PartialDeliveryError):
        mailer(concurrency=2)().send_messages(batch)
    assert {kind(m) for m in batch} == {"unknown"}
    assert len(peer.messages) == 6


def test_a_server_that_allows_one_connection_gets_all_over_it(with_mailers):
    class Narrow(ScriptedServer):
        """Refuses connections while there is one."""

        def _serve(self, connection):
            busy = not gate.acquire(blocking=False)
            self.replies = {**self.replies, "banner": "220 test"}
            if busy:
                connection.sendall(b"421 4.7.0 Too many connections\r\n")
                connection.close()
                return
            try:
                super()._serve(connection)
            finally:
                gate.release()

    gate = threading.Lock()
    with Narrow(ehlo=PIPELINING) as peer:
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": {
                        "host": peer.host,
                        "port": peer.port,
                        "concurrency": 5,
                    },
                }
            }
        )
        batch = letters(30)
        assert get_mailer("default").send_messages(batch) == 30
        close_all()
    assert {kind(m) for m in batch} == {"accepted"}


def test_nobody_listens(mailer, peer, with_mailers):
    backend = mailer(concurrency=3, port=1)
    batch = letters(10)
    with pytest.raises(ConnectionRefusedError) as raised:
        backend().send_messages(batch)
    assert classify(raised.value) == "mailer"
    assert {kind(m) for m in batch} == {"transient"}


def test_a_source_that_fails_leaves_an_outcome_with_all_before(mailer, peer):
    batch = letters(5)

    def source():
        yield from batch
        raise LookupError("the address book is gone")

    with pytest.raises(LookupError, match="address book"):
        mailer(concurrency=2)().send_messages(source())
    assert {kind(m) for m in batch} == {"accepted"}


def test_concurrency_without_a_pool_keeps_nothing_open(mailer, peer):
    backend = mailer(concurrency=2, pool_size=0)
    assert backend().send_messages(letters(6)) == 6
    assert [c.lower() for c in peer.commands].count("quit") == connections(peer)


def test_mistakes_are_raised_though_failures_are_silent(mailer, peer):
    good, bad = letters(2)
    bad.subject = "two\nlines"
    peer.replies["rcpt"] = {"spam@": "550 5.7.1 no"}
    refused = letters(1, to="spam@example.com")
    backend = mailer(concurrency=2, fail_silently=True)
    assert backend().send_messages([good, *refused]) == 1
    with pytest.raises(PartialDeliveryError) as raised:
        backend().send_messages([good, *refused, bad])
    [(message, error)] = raised.value.failures
    assert message is bad
    assert isinstance(error, ValueError)
