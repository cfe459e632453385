"""Results count rightly; errors are laid at the right door."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage

from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    answer_lost,
    classify,
    get_result,
    mark_unsent,
    recipients_in,
    set_result,
    unsent,
)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (
            smtplib.SMTPRecipientsRefused({"a": (550, b"no"), "b": (450, b"later")}),
            "recipient",
        ),
        (smtplib.SMTPRecipientsRefused({"a": (421, b"closing")}), "mailer"),
        (smtplib.SMTPSenderRefused(550, b"no", "a"), "message"),
        (smtplib.SMTPSenderRefused(530, b"log in", "a"), "mailer"),
        (smtplib.SMTPDataError(554, b"spam"), "message"),
        (smtplib.SMTPDataError(421, b"closing"), "mailer"),
        (smtplib.SMTPDataError(-1, b"junk"), "unknown"),
        (smtplib.SMTPResponseException(500, b"Line too long."), "unknown"),
        (smtplib.SMTPHeloError(504, b"no"), "mailer"),
        (smtplib.SMTPAuthenticationError(535, b"no"), "mailer"),
        (smtplib.SMTPConnectError(554, b"no"), "mailer"),
        (smtplib.SMTPNotSupportedError("STARTTLS"), "mailer"),
        (smtplib.SMTPServerDisconnected("gone"), "unknown"),
        (TimeoutError("read"), "unknown"),
        (ConnectionRefusedError(), "mailer"),
        (ssl.SSLError("handshake"), "mailer"),
        (ImproperlyConfigured("no host"), "mailer"),
        (ValueError("newline in a header"), "message"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), "message"),
        (LookupError("unknown encoding"), "message"),
        (RuntimeError("?"), "unknown"),
    ],
)
def test_an_error_is_classified_by_its_class_and_code(error, fault):
    assert classify(error) == fault


def test_a_lost_connection_known_to_precede_the_body_is_the_mailers_fault():
    error = smtplib.SMTPServerDisconnected("gone")
    mark_unsent(error)
    assert classify(error) == "mailer"


def test_accepted_and_refused_share_out_the_recipients():
    result = DeliveryResult(
        recipients=tuple(
            RecipientResult(address=f"{kind}@example.com", kind=kind)
            for kind in ("accepted", "transient", "permanent", "unknown")
        )
    )
    assert [r.kind for r in result.accepted] == ["accepted"]
    assert [r.kind for r in result.refused] == ["transient", "permanent", "unknown"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            smtplib.SMTPRecipientsRefused(
                {"Bob <bob@b.org>": (450, b""), "x@b.org": (550, b"")}
            ),
            [("bob@b.org", "transient", 450), ("x@b.org", "permanent", 550)],
        ),
        (smtplib.SMTPDataError(451, b""), [("", "transient", 451)]),
        (smtplib.SMTPDataError(554, b""), [("", "permanent", 554)]),
        (smtplib.SMTPDataError(-1, b""), [("", "unknown", None)]),
        (smtplib.SMTPAuthenticationError(535, b""), [("", "transient", 535)]),
        (smtplib.SMTPServerDisconnected(), [("", "unknown", None)]),
        (ConnectionRefusedError(), [("", "transient", None)]),
        (ValueError(), [("", "permanent", None)]),
    ],
    ids=repr,
)
def test_what_an_error_says_of_the_recipients(error, told):
    found = recipients_in(error)
    assert [(r.address, r.kind, r.code) for r in found] == told


def test_what_an_error_says_of_others_than_it_names():
    error = smtplib.SMTPRecipientsRefused(
        {"a@b.org": (550, b""), "c@b.org": (450, b"")}
    )
    found = recipients_in(error, ["a@b.org", "c@B.ORG"])
    assert [(r.kind, r.code) for r in found] == [("permanent", 550), ("transient", 450)]


def test_an_unsent_result_names_the_error_but_not_its_words():
    result = unsent(["a@example.com"], ValueError("bad address secret@example.com"))
    assert result.text == "Not sent: ValueError"
    assert "example.com" not in repr(result)


def test_a_message_carries_the_result_that_was_set_last():
    message, result = EmailMessage(), unsent([], None)
    assert get_result(message) is None
    set_result(message, result)
    assert get_result(message) is message.delivery_result is result
    set_result(message, None)
    assert get_result(message) is message.delivery_result is None


def test_a_result_cannot_be_changed():
    result = unsent([], None)
    with pytest.raises(AttributeError):
        result.code = 250


@contextlib.contextmanager
def provider(answer=b"", *, silent=False):
    """The URL of a server that reads a request, and then says this or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                taken, _ = listening.accept()
                with taken:
                    taken.recv(65_536)
                    taken.sendall(answer)
                    if silent:
                        taken.recv(1)  # until the client leaves

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/send"
        thread.join()


def met(url):
    """What requests raises there."""
    requests = pytest.importorskip("requests", reason="no requests")
    try:
        requests.post(url, data=b"mail", timeout=0.2)
    except requests.RequestException as error:
        return error
    raise AssertionError("it was answered")


@pytest.mark.parametrize(
    ("answer", "silent"),
    [
        (b"", True),
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", False),
    ],
)
def test_a_provider_that_read_the_request_may_have_taken_the_mail(answer, silent):
    with provider(answer, silent=silent) as url:
        error = met(url)
    assert classify(error) == "unknown"
    assert answer_lost(error)


def test_a_provider_that_is_not_reached_has_taken_nothing():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/send"
    error = met(url)
    assert classify(error) == "mailer"
    assert not answer_lost(error)


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        ("httpx", "ReadTimeout", "unknown"),
        ("httpx", "RemoteProtocolError", "unknown"),
        ("httpx", "ConnectTimeout", "mailer"),
        ("httpx", "ConnectError", "mailer"),
        ("botocore.exceptions", "ReadTimeoutError", "unknown"),
        ("botocore.exceptions", "EndpointConnectionError", "mailer"),
        ("mysite.clients", "ReadTimeout", "unknown"),  # as every other error
    ],
)
def test_clients_that_are_not_installed_are_known_by_name(module, name, fault):
    kind = type(name, (Exception,), {"__module__": module})
    assert classify(kind()) == fault
    wrapped = RuntimeError("a backend of another package")
    wrapped.__cause__ = type("More", (kind,), {})()
    assert classify(wrapped) == fault
    assert answer_lost(wrapped) == (fault == "unknown" and "mysite" not in module)


def test_who_was_asked_for_a_token_has_no_mail():
    with provider(silent=True) as url:
        error = met(url)
    mark_unsent(error)
    assert classify(error) == "mailer"


def test_errors_in_a_circle_come_to_an_end():
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first
    assert classify(first) == "unknown"
