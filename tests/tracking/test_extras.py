"""django-anymail behind an outbox: its extras arrive, and what it says comes to the row."""

from __future__ import annotations

import datetime
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_mailplus import mail
from django_mailplus.outbox.models import OutboxMessage, ProviderMessage
from django_mailplus.outbox.sending.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

EXTRAS = {
    "envelope_sender": "bounces@example.com",
    "metadata": {"order": 17, "kind": "receipt"},
    "send_at": datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    "tags": ["receipt", "spring"],
    "track_clicks": True,
    "track_opens": False,
    "template_id": "t-1",
    "merge_data": {"bob@example.com": {"name": "Bob"}},
    "merge_global_data": {"shop": "Shop"},
    "merge_headers": {"bob@example.com": {"List-Unsubscribe": "<https://x.test/1>"}},
    "merge_metadata": {"bob@example.com": {"customer": 5}},
    "esp_extra": {"pool": "transactional", "depth": {"a": [1, None]}},
}


def letter(to=("bob@example.com",), **extras):
    message = EmailMultiAlternatives("Hi", "Hi", "a@example.com", list(to))
    message.attach_alternative("<p>Hi</p>", "text/html")
    for name, value in extras.items():
        setattr(message, name, value)
    return message


def through_the_test_backend(with_mailers, messages):
    """What django-anymail made of each, without an outbox and with one."""
    backend = {"BACKEND": "anymail.backends.test.EmailBackend"}
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "provider", "dispatch": "worker"},
            },
            "provider": backend,
        }
    )
    django_mail.outbox = []
    mail.mailers["provider"].send_messages(messages())
    mail.mailers["default"].send_messages(messages())
    Worker(["provider"]).run(drain=True)
    direct, queued = django_mail.outbox
    return direct.anymail_test_params, queued.anymail_test_params


def as_words(params):
    """Addresses of django-anymail have no equality."""
    return {
        name: [str(each) for each in value]
        if name in ("to", "cc", "bcc", "reply_to")
        else str(value)
        if name == "from"
        else value
        for name, value in params.items()
        if name != "extra_headers"  # the outbox adds Message-ID and Date
    }


@pytest.mark.parametrize("name", EXTRAS)
def test_each_extra_arrives_through_the_outbox(with_mailers, name):
    extra = {name: EXTRAS[name]}
    direct, queued = through_the_test_backend(with_mailers, lambda: [letter(**extra)])
    assert as_words(queued) == as_words(direct)
    assert (
        set(as_words(direct))
        > set(as_words(through_the_test_backend(with_mailers, lambda: [letter()])[0]))
        or direct["is_batch_send"]
    )


def test_all_extras_arrive_together(with_mailers):
    assert len(EXTRAS) == 12
    direct, queued = through_the_test_backend(with_mailers, lambda: [letter(**EXTRAS)])
    assert as_words(queued) == as_words(direct)
    assert queued["metadata"] == EXTRAS["metadata"]
    assert queued["send_at"] == EXTRAS["send_at"]


def rows(sent):
    return list(
        sent.provider_messages.order_by("pk").values_list(
            "provider", "external_id", "address", "status"
        )
    )


def test_a_number_for_all_is_one_row(provider):
    sent = provider(
        "Mailgun",
        ("<n1@example.com>", "queued"),
        letter(["a@x.org", "b@x.org", "c@x.org"]),
    )
    assert rows(sent) == [("Mailgun", "<n1@example.com>", "", "queued")]


def test_each_recipient_has_its_number_and_status(provider):
    answer = {
        "a@x.org": ("n1", "sent"),
        "b@x.org": (None, "rejected"),
        "c@x.org": (42, "queued"),
    }
    sent = provider("Mandrill", answer, letter(list(answer)))
    assert sent.state == "partial"
    assert rows(sent) == [
        ("Mandrill", "n1", "a@x.org", "sent"),
        ("Mandrill", "", "b@x.org", "rejected"),
        ("Mandrill", "42", "c@x.org", "queued"),
    ]


def test_another_try_adds_its_number(provider):
    answer = {"a@x.org": ("n1", "sent"), "b@x.org": ("n2", "failed")}
    sent = provider("Mandrill", answer, letter(list(answer)))
    assert sent.state == "queued"
    answer["b@x.org"] = ("n3", "sent")
    OutboxMessage.objects.update(due_at=sent.created_at)
    Worker(["provider"]).run(drain=True)
    sent.refresh_from_db()
    assert sent.state == "sent"
    assert rows(sent)[2:] == [("Mandrill", "n3", "", "sent")]


@pytest.mark.parametrize("status", ["rejected", "invalid"])
def test_nothing_is_written_where_there_is_no_number(provider, status):
    assert rows(provider("Mandrill", (None, status))) == []


def test_long_and_strange_numbers_are_kept_as_far_as_there_is_room(provider):
    sent = provider("Mandrill", ("n\0" + "1" * 300, "sent"))
    [(_, number, _, _)] = rows(sent)
    assert number == "n\ufffd" + "1" * 253


def test_what_is_sent_over_smtp_costs_no_statement_more(with_mailers, server):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "worker"},
            },
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": server.host, "port": server.port},
            },
        }
    )
    mail.mailers["default"].send_messages([letter(), letter()])
    with CaptureQueriesContext(connection) as queries:
        Worker(["smtp"]).run(drain=True)
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"sent"}
    told = [query["sql"] for query in queries]
    assert any("mailplus_attempt" in sql for sql in told)
    for table in ("mailplus_providermessage", "mailplus_trackingevent"):
        assert not [sql for sql in told if table in sql]


def test_a_number_and_the_outcome_are_written_together_or_not_at_all(
    provider, monkeypatch
):
    from django.db import DatabaseError

    from django_mailplus.outbox.rows import recording

    insert = recording.insert

    def fail(model, *what):
        if model is ProviderMessage and what[1] and fails:
            fails.pop()
            raise DatabaseError("full")
        insert(model, *what)

    fails = [1]
    monkeypatch.setattr(recording, "insert", fail)
    sent = provider("Mandrill", ("n1", "sent"))
    assert not fails
    assert (sent.state, sent.tries.count(), rows(sent)) == (
        "sent",
        1,
        [("Mandrill", "n1", "", "sent")],
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [("Postmark", {"Date", "Message-ID", "X-Own"})]
    + [(name, {"X-Own"}) for name in ("Mailjet", "MailerSend")],
)
def test_who_refuses_a_date_of_ours_is_told_none(provider, name, told):
    message = letter()
    message.extra_headers["X-Own"] = "1"
    assert provider(name, ("1", "sent"), message).message_id
    [(_, params)] = provider.seen
    assert {*params["extra_headers"]} == told
    assert {*message.extra_headers} == {"X-Own"}


def test_nor_by_a_router_and_what_somebody_wrote_stays(provider, with_mailers):
    provider("Mailjet", ("1", "sent"))  # makes the backend
    backend = {"BACKEND": f"{provider.__module__}.Provider"}
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.failover.EmailBackend",
                "OPTIONS": {"using": ["one", "two"]},
            },
            "one": backend,
            "two": backend,
        }
    )
    provider.seen.clear()
    message = letter()
    message.extra_headers["Message-ID"] = "<own@example.com>"
    mail.mailers["default"].send_messages([message])
    [(_, params)] = provider.seen
    assert dict(params["extra_headers"]) == {"Message-ID": "<own@example.com>"}


class Api(BaseHTTPRequestHandler):
    """The API of a provider, as far as one message needs it."""

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.server.asked.append(json.loads(self.rfile.read(size)))
        said = {
            "ErrorCode": 0,
            "Message": "OK",
            "MessageID": "0a129aee",
            "To": "bob@example.com",
            "SubmittedAt": "2026-05-28T20:26:40Z",
        }
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def api():
    with HTTPServer(("127.0.0.1", 0), Api) as listening:
        listening.asked = []
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def test_from_the_outbox_over_the_api_and_back_by_webhook(
    with_mailers, hook, settings, api
):
    from tracking.payloads import of_provider

    port = api.server_address[1]
    settings.ANYMAIL = {
        **settings.ANYMAIL,
        "POSTMARK_SERVER_TOKEN": "x",
        "POSTMARK_API_URL": f"http://127.0.0.1:{port}/",
    }
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "provider", "dispatch": "worker"},
            },
            "provider": {"BACKEND": "anymail.backends.postmark.EmailBackend"},
        }
    )
    mail.mailers["default"].send_messages(
        [EmailMessage("Hi", "Hi", "a@example.com", ["bob@example.com"])]
    )
    Worker(["provider"]).run(drain=True)
    sent = OutboxMessage.objects.get()
    assert rows(sent) == [("Postmark", "0a129aee", "", "sent")]
    assert hook(*of_provider("Postmark", "hard", "0a129aee")) == 200
    assert [event.kind for event in sent.events.all()] == ["hard"]
    assert "Metadata" not in api.asked[0]
