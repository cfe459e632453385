"""Mail through the API of a provider, as django-anymail does it, behind an outbox."""

from __future__ import annotations

import contextlib
import socket
import threading
from importlib.util import find_spec

import pytest
from django.core.mail import EmailMessage

from django_mailplus import mail
from django_mailplus.delivery import classify
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import Attempt, OutboxMessage, Recipient
from django_mailplus.outbox.sending.worker import Worker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(find_spec("anymail") is None, reason="no django-anymail"),
]


@pytest.fixture
def outbox(with_mailers):
    def outbox(answer):
        """The provider answers so: a status for each recipient, or an error."""
        from anymail.backends.test import EmailBackend
        from anymail.message import AnymailRecipientStatus

        class Provider(EmailBackend):
            def post_to_esp(self, payload, message):
                if isinstance(answer, Exception):
                    raise answer
                return {
                    "recipient_status": {
                        address: AnymailRecipientStatus(
                            message_id="a1", status=answer.get(address, "sent")
                        )
                        for address in payload.recipient_emails
                    }
                }

        globals()["Provider"] = Provider
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "provider", "dispatch": "worker"},
                },
                "provider": {"BACKEND": f"{__name__}.Provider"},
            }
        )
        message = EmailMessage("Hi", "Hi", "a@example.com", ["b@x.org", "c@x.org"])
        mail.mailers["default"].send_messages([message])
        Worker(["provider"]).run(drain=True)
        return OutboxMessage.objects.get()

    return outbox


def api_error(status):
    from anymail.exceptions import AnymailRequestsAPIError
    from requests import Response

    response = Response()
    response.status_code = status
    response.reason = "so"
    return AnymailRequestsAPIError(response=response)


def test_what_the_provider_takes_is_sent(outbox):
    assert outbox({"c@x.org": "queued"}).state == "sent"
    assert Attempt.objects.get().text == "The provider's number: a1."


def test_each_recipient_has_a_fate(outbox):
    assert outbox({"c@x.org": "rejected"}).state == "partial"
    fates = Recipient.objects.values_list("address", "state")
    assert dict(fates) == {"b@x.org": "sent", "c@x.org": "failed"}


def test_nobody_is_tried_again_whom_the_provider_refuses(outbox):
    assert outbox({"b@x.org": "invalid", "c@x.org": "rejected"}).state == "failed"


def test_who_failed_is_tried_again(outbox):
    assert outbox({"c@x.org": "failed"}).state == "queued"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_is_refused_stops_no_other_mail(outbox, status):
    error = api_error(status)
    assert classify(error) == "message"
    assert outbox(error).state == "failed"
    assert not pausing.look("provider").paused


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_a_provider_in_trouble_rests_and_costs_no_attempt(outbox, status):
    error = api_error(status)
    assert classify(error) == "mailer"
    found = outbox(error)
    assert (found.state, found.attempts) == ("queued", 0)
    assert pausing.look("provider").paused


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_provider_that_failed_while_it_was_at_it_may_have_taken_it(outbox, status):
    error = api_error(status)
    assert classify(error) == "unknown"
    found = outbox(error)
    assert (found.state, found.attempts) == ("queued", 1)
    assert Attempt.objects.get().outcome == "unknown"
    assert "did not say whether it took the mail: HTTP" in Attempt.objects.get().text
    assert not pausing.look("provider").paused


@contextlib.contextmanager
def silent_api():
    """The URL of an API that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.fixture
def api(with_mailers):
    def api(url, *, on_unknown="retry", attempts=0):
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {
                        "using": "provider",
                        "dispatch": "worker",
                        "on_unknown": on_unknown,
                    },
                },
                "provider": {"BACKEND": "anymail.backends.postmark.EmailBackend"},
            },
            ANYMAIL={
                "POSTMARK_SERVER_TOKEN": "x",
                "POSTMARK_API_URL": url,
                "REQUESTS_TIMEOUT": 0.2,
            },
        )
        message = EmailMessage("Hi", "Hi", "a@example.com", ["b@x.org"])
        mail.mailers["default"].send_messages([message])
        OutboxMessage.objects.update(attempts=attempts)
        Worker(["provider"]).run(drain=True)
        return OutboxMessage.objects.get()

    return api


@pytest.mark.parametrize(
    ("on_unknown", "state"), [("retry", "queued"), ("hold", "unknown")]
)
def test_a_provider_that_does_not_answer_may_have_taken_it(api, on_unknown, state):
    with silent_api() as url:
        found = api(url, on_unknown=on_unknown)
    assert (found.state, found.attempts) == (state, 1)
    assert Attempt.objects.get().outcome == "unknown"
    assert not pausing.look("provider").paused


def test_a_lost_answer_is_no_reason_to_give_up(api):
    with silent_api() as url:
        assert api(url, attempts=7).state == "queued"


def test_a_provider_that_is_not_reached_rests(api):
    with silent_api() as url:
        pass
    found = api(url, on_unknown="hold")
    assert (found.state, found.attempts) == ("queued", 0)
    assert pausing.look("provider").paused


def test_an_answer_that_cannot_be_read_may_have_been_yes(api):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nyes!"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            taken, _ = listening.accept()
            with taken:
                taken.recv(65_536)
                taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        found = api(
            f"http://127.0.0.1:{listening.getsockname()[1]}/", on_unknown="hold"
        )
        thread.join()
    assert found.state == "unknown"
    assert not pausing.look("provider").paused
