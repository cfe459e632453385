"""Options of one mail that make no sense: refused before anything is stored."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import transaction

from django_mailplus import mail
from django_mailplus.outbox import OutboxOptions, enqueue, outbox_options
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.rows import statements

pytestmark = pytest.mark.django_db(transaction=True)


def message():
    return EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])


def after(**ahead):
    return datetime.now(UTC) + timedelta(**ahead)


NAIVE = datetime(2999, 1, 1)  # noqa: DTZ001

WRONG_VALUES = [
    (
        {"priority": "soon"},
        "priority is 'soon'; it takes 'urgent', 'high', 'normal', 'l",
    ),
    ({"on_unknown": "drop"}, "on_unknown is 'drop'; it takes 'retry', 'hold'"),
    (
        {"send_at": NAIVE},
        "send_at is 2999-01-01 00:00:00, without a time zone; it takes",
    ),
    ({"expires_at": NAIVE}, "expires_at is 2999-01-01 00:00:00, without a time zone"),
    ({"expires_at": after(seconds=-1)}, "expires_at is .*, which is past"),
    (
        {"send_at": after(hours=2), "expires_at": after(hours=1)},
        "expires_at is .*, not after send_at, which is",
    ),
    ({"idempotency_key": ""}, "idempotency_key has 0 characters; it takes 1 to 200"),
    ({"idempotency_key": "x" * 201}, "idempotency_key has 201 characters"),
    ({"stream": "x" * 101}, "stream has 101 characters; it takes 1 to 100"),
    ({"max_age": -1}, "max_age is -1; it takes seconds, from 0 to 31622400"),
    ({"max_age": math.nan}, "max_age is nan; it takes seconds"),
    ({"max_age": math.inf}, "max_age is inf; it takes seconds"),
]
WRONG_TYPES = [
    ({"priority": 1}, "priority is of type int; it takes 'urgent'"),
    ({"priority": ["high"]}, "priority is of type list"),
    ({"on_unknown": True}, "on_unknown is of type bool; it takes 'retry'"),
    (
        {"send_at": "tomorrow"},
        "send_at is of type str; it takes a datetime with a time",
    ),
    ({"send_at": date(2999, 1, 1)}, "send_at is of type date; it takes a datetime"),
    ({"expires_at": 3600}, "expires_at is of type int; it takes a datetime"),
    (
        {"idempotency_key": 7},
        "idempotency_key is of type int; it takes a str of 1 to 200",
    ),
    ({"stream": b"news"}, "stream is of type bytes; it takes a str of 1 to 100"),
    ({"max_age": "60"}, "max_age is of type str; it takes seconds"),
    ({"max_age": True}, "max_age is of type bool; it takes seconds"),
    ({"sensitive": "yes"}, "sensitive is of type str; it takes True or False"),
]
WRONG = [
    *((options, ValueError, text) for options, text in WRONG_VALUES),
    *((options, TypeError, text) for options, text in WRONG_TYPES),
]


@pytest.fixture(params=[True, False])
def _zones(request, settings):
    settings.USE_TZ = request.param
    statements._now.cache_clear()  # it knows the settings of one project
    yield
    statements._now.cache_clear()


@pytest.mark.usefixtures("_zones")
@pytest.mark.parametrize(("options", "error", "text"), WRONG)
def test_what_is_wrong_and_what_is_right(outbox, options, error, text):
    outbox(dispatch="worker")
    with transaction.atomic():
        with pytest.raises(error, match=text):
            enqueue(message(), **options)
        with pytest.raises(error, match=text), outbox_options(**options):
            pass
        wrong = message()
        wrong.outbox = options
        with pytest.raises(error, match=text):
            mail.mailers["default"].send_messages([message(), wrong])
        assert not OutboxMessage.objects.exists()  # the transaction goes on
        mail.mailers["default"].send_messages([message()])
    assert OutboxMessage.objects.count() == 1


def test_neither_key_nor_stream_is_told():
    """They may be made of an address."""
    for name in ("idempotency_key", "stream"):
        for value in ("bob@example.com" * 20, b"bob@example.com"):
            with pytest.raises((TypeError, ValueError)) as raised:
                OutboxOptions(**{name: value})
            assert "bob@" not in str(raised.value)


def test_options_that_are_past_when_the_mail_is_sent(outbox):
    outbox(dispatch="worker")
    late = message()
    late.outbox = options = OutboxOptions(expires_at=after(hours=1))
    object.__setattr__(options, "expires_at", after(seconds=-1))  # an hour later
    with pytest.raises(ValueError, match="which is past"):
        mail.mailers["default"].send_messages([late])


def test_a_block_whose_mail_would_leave_after_its_end(outbox):
    outbox(dispatch="worker")
    with (
        outbox_options(send_at=after(hours=2)),
        pytest.raises(ValueError, match="not after send_at"),
    ):
        enqueue(message(), expires_at=after(hours=1))


def test_an_option_that_there_is_not(outbox):
    outbox(dispatch="worker")
    wrong = message()
    wrong.outbox = {"prio": "high"}
    with pytest.raises(
        TypeError, match="unknown options 'prio'; there are priority, se"
    ):
        mail.mailers["default"].send_messages([wrong])


@pytest.mark.parametrize("name", ["on_unknown", "priority", "max_age", "stream"])
def test_an_outbox_whose_options_are_wrong_takes_no_mail(outbox, name):
    outbox(dispatch="worker", **{name: object()})
    with pytest.raises(mail.InvalidMailer, match=f"'{name}' is <object .*; it takes"):
        enqueue(message())


def test_a_key_is_of_one_mail_and_not_of_a_block():
    with (
        pytest.raises(TypeError, match="an option of single mails"),
        outbox_options(idempotency_key="welcome-1"),
    ):
        pass
