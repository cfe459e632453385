"""Sources, receivers and threads that a mailer does not expect: the outcome is true."""

from __future__ import annotations

import contextlib
import threading

import pytest
from django.core.mail import EmailMessage
from misbehaving_server import MisbehavingServer

from django_mailplus.compat import get_mailer
from django_mailplus.signals import message_sent
from django_mailplus.smtp.registry import close_all

BACKEND = "django_mailplus.backends.smtp.EmailBackend"


class Waiting(MisbehavingServer):
    """Has taken the first content, and waits before it says so."""

    def __init__(self, **script):
        self.has_taken, self.may_answer = threading.Event(), threading.Event()
        super().__init__(**script)

    def _say(self, session, step, line=""):
        if step == "content" and not self.may_answer.is_set():
            self.has_taken.set()
            self.may_answer.wait(10)
        return super()._say(session, step, line)


@pytest.fixture
def mailer(with_mailers):
    def configure(server, **options):
        options = {"host": server.host, "port": server.port, "timeout": 5, **options}
        with_mailers({"default": {"BACKEND": BACKEND, "OPTIONS": options}})
        return get_mailer("default")

    yield configure
    close_all()


@pytest.fixture
def on_sent():
    receivers = []

    def connect(receiver):
        receivers.append(receiver)
        message_sent.connect(receiver)

    yield connect
    for receiver in receivers:
        message_sent.disconnect(receiver)


def letters(count):
    return [
        EmailMessage("Hi", f"No {n}", "ann@example.com", [f"bob{n}@example.com"])
        for n in range(count)
    ]


def kind(message):
    return message.delivery_result.recipients[0].kind


def test_closed_by_another_thread_while_an_answer_is_awaited(mailer):
    [message] = letters(1)
    with Waiting() as server:
        backend = mailer(server, pool_size=1)

        def close():
            server.has_taken.wait(10)
            closing = threading.Thread(target=backend.close)
            closing.start()
            closing.join(0.3)  # it may wait for the answer, or break the connection
            server.may_answer.set()
            closing.join()

        closer = threading.Thread(target=close)
        closer.start()
        with contextlib.suppress(Exception):  # allowed; a wrong outcome is not
            backend.send_messages([message])
        closer.join()
    assert len(server.taken) == 1
    assert kind(message) in ("accepted", "unknown")


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_source_that_fills_one_message_anew_each_time(mailer, on_sent, concurrency):
    told = []

    def remember(recipients, **_):
        told.extend(recipient.address for recipient in recipients)

    on_sent(remember)

    def source():
        message = EmailMessage("Hi", "Hi", "ann@example.com")
        for number in range(4):
            message.to = [f"bob{number}@example.com"]
            yield message

    with MisbehavingServer() as server:
        assert mailer(server, concurrency=concurrency).send_messages(source()) == 4
    arrived = [address for taken in server.taken for address in taken.recipients]
    assert sorted(told) == sorted(arrived)


def test_a_source_with_a_length_that_can_be_read_once(mailer):
    class Progress:  # as progress bars are
        def __init__(self, source, total):
            self.source, self.total = source, total

        def __len__(self):
            return self.total

        def __iter__(self):
            yield from self.source

    with MisbehavingServer() as server:
        assert mailer(server).send_messages(Progress(iter(letters(4)), 4)) == 4
    assert len(server.taken) == 4


def test_a_message_that_was_taken_and_stands_behind_an_error_again(mailer):
    first, second = letters(2)
    with (
        MisbehavingServer(content=["250 ok", "550 no"]) as server,
        pytest.raises(OSError, match="550"),
    ):
        mailer(server).send_messages([first, second, first])
    assert len(server.taken) == 1
    assert kind(first) == "accepted"


def test_recipients_that_raise_once_the_message_is_sent(mailer):
    class Fickle(EmailMessage):
        asked = 0

        def recipients(self):
            self.asked += 1
            if self.asked > 2:
                raise LookupError
            return super().recipients()

    message = Fickle("Hi", "Hi", "ann@example.com", ["bob@example.com"])
    with MisbehavingServer() as server:
        assert mailer(server).send_messages([message]) == 1
    assert kind(message) == "accepted"


def test_a_receiver_sends_through_the_same_mailer(mailer, on_sent):
    report = EmailMessage("Report", "Sent", "ann@example.com", ["staff@example.com"])
    messages = letters(3)
    with MisbehavingServer() as server:
        backend = mailer(server)
        errors = []

        def send_report(message, **_):
            if message is messages[0]:
                try:
                    backend.send_messages([report])
                except Exception as error:
                    errors.append(error)

        on_sent(send_report)
        assert backend.send_messages(messages) == 3
    assert errors == []
    assert kind(report) == "accepted"
    assert sorted(taken.recipients for taken in server.taken) == [
        *[[f"bob{n}@example.com"] for n in range(3)],
        ["staff@example.com"],
    ]
