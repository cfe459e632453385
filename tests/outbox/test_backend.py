"""The outbox as a backend, however a project configures it: what it takes and returns."""

from __future__ import annotations

import copy
from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.core.files.storage import Storage
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy
from example_backends import Stamp
from outbox.mailing import drain, mailers, message

from django_mailplus import mail
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.outbox import OutboxOptions, enqueue, outbox_options
from django_mailplus.outbox.models import OutboxMessage, Payload
from django_mailplus.outbox.states import Priority
from django_mailplus.signals import outbox_queued

PATH = "django_mailplus.backends.outbox.EmailBackend"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["MAILERS", "EMAIL_BACKEND"])
def world(request, server, with_mailers, with_email_settings, monkeypatch):
    """Configures an outbox before the server; gives the alias of what sends."""
    if request.param == "MAILERS":
        with_mailers(mailers(server))
        return "smtp"
    # There are no options in EMAIL_BACKEND, and a thread is not what is tested here.
    monkeypatch.setattr(
        "django_mailplus.outbox.dispatch.wakeup.hint", lambda *args, **options: None
    )
    with_email_settings(
        EMAIL_BACKEND=PATH, EMAIL_HOST=server.host, EMAIL_PORT=server.port
    )
    return ""


@pytest.fixture
def outbox(server, with_mailers):
    def outbox(**options):
        with_mailers(mailers(server, **options))

    return outbox


@pytest.mark.parametrize("said", ["message", "block", "enqueue"])
def test_the_stream_is_known_when_the_mail_leaves(
    said, server, with_mailers, monkeypatch
):
    seen = []

    def prepare(wrapper, message):
        seen.append(message.stream)
        return message

    monkeypatch.setattr(Stamp, "prepare", prepare)
    with_mailers(
        mailers(server)
        | {
            "default": {"BACKEND": PATH, "OPTIONS": {"using": "stamp"}},
            "stamp": {
                "BACKEND": "example_backends.Stamp",
                "OPTIONS": {"using": "smtp"},
            },
        }
    )
    sent = message()
    match said:
        case "message":
            sent.stream = "news"
            sent.send()
        case "block":
            with outbox_options(stream="news"):
                sent.send()
        case "enqueue":
            enqueue(sent, stream="news")
    drain("stamp")
    assert seen == ["news"]
    assert OutboxMessage.objects.get().stream == "news"
    assert vars(sent).get("stream") == ("news" if said == "message" else None)


def test_send_mail_stores_and_a_worker_sends(world, server):
    assert mail.send_mail("Hello", "Body", None, ["bob@example.com"]) == 1
    assert server.messages == []
    drain(world)
    assert len(server.messages) == 1
    [row] = OutboxMessage.objects.all()
    assert (row.state, row.mailer, row.attempts) == ("sent", world, 1)
    assert f"Message-ID: {row.message_id}".encode() in server.messages[0]


def test_it_returns_how_many_were_stored(world):
    backend = get_mailer("default")
    assert backend.send_messages([message(), message()]) == 2
    assert backend.send_messages(message() for _ in range(2)) == 2
    assert backend.send_messages([]) == 0
    assert backend.send_messages([EmailMessage("To nobody")]) == 0
    assert OutboxMessage.objects.count() == 4


def test_the_callers_message_stays_as_it_was(world):
    sent = message(attachments=[("a.txt", "text", "text/plain")])
    before = copy.deepcopy(sent.__dict__)
    get_mailer("default").send_messages([sent])
    assert sent.delivery_result is None
    assert {**sent.__dict__, "delivery_result": 0} == {**before, "delivery_result": 0}


def test_lazy_strings_are_stored_as_they_read_now(world):
    get_mailer("default").send_messages([message(gettext_lazy("Yes"))])
    assert OutboxMessage.objects.get().subject == "Yes"


def test_a_header_with_two_lines_is_refused_at_once(world):
    with pytest.raises(ValueError, match=r"(?i)newline|linefeed"):
        get_mailer("default").send_messages([message(), message("a\nBcc: x@y.org")])
    assert not OutboxMessage.objects.exists()


def test_what_cannot_be_carried_is_refused_at_once(world):
    odd = message()
    odd.request = object()
    with pytest.raises(ValueError, match="request"):
        get_mailer("default").send_messages([message(), odd])
    assert not OutboxMessage.objects.exists()


def test_open_and_close_connect_to_nothing(world, server):
    with get_mailer("default") as backend:
        backend.send_messages([message()])
    assert server.commands == []


def test_its_repr_is_the_chain(outbox):
    outbox()
    assert repr(get_mailer("default")) == "<default:outbox -> smtp>"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"hots": 1}, "Unknown options 'hots'"),
        ({"using": "nowhere"}, "not configured"),
        ({"using": ["smtp", "default"]}, "takes exactly one|circle"),
        ({"priority": "hihg"}, "'priority' is 'hihg'; it takes urgent, high"),
        ({"rate": "fast"}, "'rate' is 'fast'; it takes a rate such as"),
        ({"concurrency": "x"}, "'concurrency' is 'x'; it takes a whole number"),
        ({"lease": -1}, "'lease' is -1; it takes a number of seconds above 0"),
        ({"max_age": "1 day"}, "'max_age' is '1 day'; it takes"),
        ({"stream": 7}, "'stream' is 7; it takes"),
        ({"notify": "no"}, "'notify' is 'no'; it takes True or False. Correct it"),
    ],
)
def test_mistakes_are_named(outbox, options, text):
    outbox(**options)
    with pytest.raises(InvalidMailer, match=text) as caught:
        get_mailer("default")
    assert str(caught.value).startswith("MAILERS['default']: ")


class FullStorage(Storage):
    def save(self, name, content, max_length=None):
        raise OSError("No space left on device")


def test_what_cannot_be_stored_is_told_even_to_who_would_not_hear(outbox, settings):
    outbox(fail_silently=True)
    full = {"BACKEND": f"{__name__}.FullStorage"}
    settings.STORAGES = {**settings.STORAGES, "mailplus": full}
    large = message(attachments=[("a.bin", b"1" * 1_500_000, "application/x-a")])
    with pytest.raises(OSError, match="No space left"):
        mail.mailers["default"].send_messages([message(), large])
    assert not OutboxMessage.objects.exists()


def test_a_rollback_takes_the_mails_back(world):
    with transaction.atomic():
        mail.send_mail("Hello", "Body", None, ["bob@example.com"])
        assert OutboxMessage.objects.count() == 1
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()


def test_one_send_mail_is_two_statements_at_most(world, django_assert_num_queries):
    backend = get_mailer("default")
    one = connection.vendor == "postgresql"
    with django_assert_num_queries(1 if one else 4):  # BEGIN, two INSERTs, COMMIT
        backend.send_messages([message()])
    with transaction.atomic(), django_assert_num_queries(1 if one else 2):
        backend.send_messages([message()])
    assert Payload.objects.count() == 2


def test_options_of_the_mailer_of_a_block_and_of_the_message(outbox):
    outbox(priority="low", stream="news", on_unknown="hold")
    special = message()
    special.outbox = {"priority": "urgent"}
    with outbox_options(priority="high", stream="orders"):
        mail.mailers["default"].send_messages([message(), special])
    mail.mailers["default"].send_messages([message()])
    found = OutboxMessage.objects.order_by("id").values_list(
        "priority", "stream", "hold_unknown"
    )
    assert list(found) == [
        (Priority.HIGH, "orders", True),
        (Priority.URGENT, "orders", True),
        (Priority.LOW, "news", True),
    ]


def test_enqueue_gives_the_row(outbox, server):
    outbox()
    later = timezone.now() + timedelta(hours=1)
    mail = enqueue(message(), priority="high", send_at=later, stream="orders")
    assert (mail.priority, mail.due_at, mail.stream) == (2, later, "orders")
    assert mail.give_up_at == later + timedelta(days=1)
    assert mail.recipients == [
        "bob@example.com",
        "carol@example.com",
        "dave@example.com",
    ]
    assert mail.is_new
    drain()
    assert server.messages == []
    OutboxMessage.objects.update(due_at=timezone.now())
    drain()
    assert len(server.messages) == 1


def test_a_second_mail_with_the_same_key_is_the_first(outbox):
    outbox()
    with transaction.atomic():
        first = enqueue(message(), idempotency_key="order 7")
        second = enqueue(message("Again"), idempotency_key="order 7")
        third = enqueue(message(), idempotency_key="order 8")
    assert (first.is_new, second.is_new, third.is_new) == (True, False, True)
    assert (second.pk, second.subject) == (first.pk, "Hello")
    assert OutboxMessage.objects.count() == 2


def test_enqueue_gives_its_own_row_whatever_receivers_send(outbox):
    def copy_to_the_archive(mail, **_):
        if mail.subject != "Copy":
            django_mail.send_mail("Copy", "", None, ["archive@example.com"])

    outbox()
    outbox_queued.connect(copy_to_the_archive)
    try:
        row = enqueue(message("Order 7"))
    finally:
        outbox_queued.disconnect(copy_to_the_archive)
    assert row.subject == "Order 7"
    assert OutboxMessage.objects.count() == 2


@pytest.mark.parametrize("odd", ["nul \0 in it", "half a pair \ud800"])
def test_what_no_column_takes_does_not_cost_the_transaction(outbox, odd):
    outbox()
    with transaction.atomic():
        django_mail.send_mail(odd, odd, None, ["bob@example.com"])
        assert OutboxMessage.objects.count() == 1
    [row] = OutboxMessage.objects.all()
    assert row.subject == odd.replace("\0", "\ufffd").replace("\ud800", "?")


def test_enqueue_goes_through_what_stands_before_the_outbox(server, with_mailers):
    stamp = {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": "queue"}}
    both = mailers(server)
    with_mailers({"default": stamp, "queue": both["default"], "smtp": both["smtp"]})
    assert enqueue(message()).subject == "stamped: Hello"
    assert enqueue(message("drop me")) is None
    assert OutboxMessage.objects.count() == 1


def test_enqueue_without_an_outbox_says_so(server, with_mailers):
    with_mailers({"default": mailers(server)["smtp"], "queue": mailers(server)["smtp"]})
    with pytest.raises(InvalidMailer, match="leads to none"):
        enqueue(message())


def test_an_option_of_the_wrong_kind_on_a_message(outbox):
    outbox()
    wrong = message()
    wrong.outbox = "urgent"
    with pytest.raises(TypeError, match="OutboxOptions or a dict of priority, send_at"):
        mail.mailers["default"].send_messages([wrong])


def test_what_is_sensitive_is_erased_once_it_was_sent(outbox, server):
    outbox()
    secret = message("Your code is 123456")
    secret.outbox = OutboxOptions(sensitive=True)
    mail.mailers["default"].send_messages([secret, message()])
    assert "" in OutboxMessage.objects.values_list("subject", flat=True)
    drain()
    assert len(server.messages) == 2
    [kept] = Payload.objects.all()
    assert not kept.mail.sensitive


def test_what_has_expired_is_not_sent(outbox, server):
    outbox()
    enqueue(message(), expires_at=timezone.now() + timedelta(hours=1))
    OutboxMessage.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    drain()
    assert OutboxMessage.objects.get().state == "expired"
    assert server.messages == []


def test_wrappers_and_foreign_backends_behind_the_outbox(with_mailers):
    with_mailers(
        {
            "default": {
                "BACKEND": PATH,
                "OPTIONS": {"using": "stamp", "dispatch": "worker"},
            },
            "stamp": {
                "BACKEND": "example_backends.Stamp",
                "OPTIONS": {"using": "kept"},
            },
            "kept": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"},
        }
    )
    mail.mailers["default"].send_messages([message(str(n)) for n in range(7)])
    drain("stamp")
    subjects = sorted(m.subject for m in django_mail.outbox)
    assert subjects == [f"stamped: {n}" for n in range(7)]
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"sent"}
