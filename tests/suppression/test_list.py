"""Who is on the do-not-mail list, for what mail and for how long."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from outbox.mailing import in_thread

from django_mailplus.message.envelope import domain_on_wire
from django_mailplus.signals import address_suppressed, suppression_lifted
from django_mailplus.suppression.choices import choose
from django_mailplus.suppression.importing import take_over
from django_mailplus.suppression.listing import read
from django_mailplus.suppression.lookup import find, is_suppressed
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import lift, prune, suppress

BOB = "bob@example.com"
NEWS = {"BULK_STREAMS": {"news": "News", "offers": "Offers"}}


@pytest.fixture(autouse=True)
def _news(settings):
    settings.MAILPLUS = NEWS


@pytest.fixture
def told():
    heard = []

    def added(sender, suppression, **kwargs):
        heard.append(("added", suppression.reason, suppression.stream))

    def lifted(sender, suppression, **kwargs):
        heard.append(("lifted", suppression.reason, suppression.stream))

    address_suppressed.connect(added, sender=Suppression)
    suppression_lifted.connect(lifted, sender=Suppression)
    yield heard
    address_suppressed.disconnect(added, sender=Suppression)
    suppression_lifted.disconnect(lifted, sender=Suppression)


# reason, stream of the entry: the streams of which nothing is sent then
STOPPED = [
    (Reason.HARD_BOUNCE, "", {"", "orders", "news", "offers"}),
    (Reason.HARD_BOUNCE, "news", {"", "orders", "news", "offers"}),
    (Reason.COMPLAINT, "news", {"", "orders", "news", "offers"}),
    (Reason.INVALID, "orders", {"", "orders", "news", "offers"}),
    (Reason.MANUAL, "", {"", "orders", "news", "offers"}),
    (Reason.MANUAL, "orders", {"orders"}),
    (Reason.MANUAL, "news", {"news"}),
    (Reason.UNSUBSCRIBE, "", {"news", "offers"}),
    (Reason.UNSUBSCRIBE, "news", {"news"}),
    (Reason.UNSUBSCRIBE, "orders", set()),  # is no bulk stream any more
]


@pytest.mark.django_db
@pytest.mark.parametrize(("reason", "of", "stopped"), STOPPED)
def test_reasons_and_streams(reason, of, stopped):
    suppress(BOB, reason=reason, stream=of)
    streams = ("", "orders", "news", "offers")
    assert {s for s in streams if is_suppressed(BOB, stream=s)} == stopped
    assert not any(is_suppressed("carol@example.com", stream=s) for s in streams)


SPELLINGS = [
    "bob@example.com",
    "BOB@Example.COM",
    '"bob"@example.com',
    "bob@example.com.",
    "\uff42ob@example.com",
    "bob@example\u3002com",
    "bob@exam\xadple.com",
    "bob@example.com\uff0e",
]


@pytest.mark.django_db
@pytest.mark.parametrize("spelled", SPELLINGS)
def test_spellings_of_one_mailbox(spelled):
    suppress(BOB, reason=Reason.COMPLAINT)
    assert find([spelled, "bobo@example.com"]).keys() == {spelled}
    assert lift(spelled) == 1
    assert not is_suppressed(BOB)


@pytest.mark.django_db
@pytest.mark.parametrize("given", [f"Bob <{BOB}>", f'"Öz, Bob" <{BOB}>', f" {BOB} "])
def test_a_name_is_left_out(given):
    assert suppress(given, reason="manual").address == BOB
    assert is_suppressed(BOB)
    assert is_suppressed(given)
    assert lift(given) == 1


@pytest.mark.django_db
def test_a_reason_that_is_none():
    """It would stand in the way of every mail to that address."""
    with pytest.raises(ValueError, match="bounced"):
        suppress(BOB, reason="bounced")
    assert not Suppression.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@bücher.example", "ann@XN--Bcher-KVA.example"),
        ("ann@faß.example", "ann@fass.example"),
        ("ann@faß.example", "ann@FASS.example"),
    ],
)
def test_domains_that_are_one_on_the_wire(known, asked):
    assert domain_on_wire(known) == domain_on_wire(asked)
    for one, other in ((known, asked), (asked, known)):
        suppress(one, reason=Reason.MANUAL)
        assert is_suppressed(other)
        lift(other)


@pytest.mark.django_db
def test_a_domain_that_is_another_one_since_idna_2008():
    suppress("ann@xn--fa-hia.example", reason=Reason.MANUAL)
    assert not is_suppressed("ann@fass.example")
    assert not is_suppressed("ann@faß.example")  # sent to fass.example


@pytest.mark.django_db
def test_an_entry_ends():
    soon = timezone.now() + timedelta(hours=1)
    suppress(BOB, reason=Reason.MANUAL, expires_at=soon)
    assert is_suppressed(BOB)
    Suppression.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not is_suppressed(BOB)
    assert (prune(dry_run=True), prune(), prune()) == (1, 1, 0)


@pytest.mark.django_db
def test_told_again_it_counts_and_lasts_as_long_as_the_later():
    now = timezone.now()
    moments = [now + timedelta(days=days) for days in (1, 3, 2)]
    for moment in moments:
        row = suppress(BOB, reason=Reason.MANUAL, expires_at=moment, source="first")
    assert (row.reported, row.expires_at) == (3, moments[1])
    row = suppress(BOB, reason=Reason.MANUAL, detail="again")
    assert (row.expires_at, row.source, row.detail) == (None, "first", "again")
    row = suppress(BOB, reason=Reason.MANUAL, expires_at=now)
    assert row.expires_at is None
    assert Suppression.objects.count() == 1


@pytest.mark.django_db
def test_lifting_one_reason_leaves_the_others():
    for reason, stream in ((Reason.COMPLAINT, ""), (Reason.UNSUBSCRIBE, "news")):
        suppress(BOB, reason=reason, stream=stream)
    assert lift(BOB, reason=Reason.UNSUBSCRIBE, stream="offers") == 0
    assert lift(BOB, reason=Reason.UNSUBSCRIBE) == 1
    assert is_suppressed(BOB)


@pytest.mark.django_db(transaction=True)
def test_signals_come_once_and_after_the_commit(told):
    with transaction.atomic():
        suppress(BOB, reason=Reason.COMPLAINT)
        assert told == []
    suppress(BOB, reason=Reason.COMPLAINT)
    lift(BOB)
    assert told == [("added", "complaint", ""), ("lifted", "complaint", "")]


@pytest.mark.django_db(transaction=True)
def test_one_that_was_over_is_told_of_again(told):
    past = timezone.now() - timedelta(seconds=1)
    suppress(BOB, reason=Reason.MANUAL, expires_at=past)
    suppress(BOB, reason=Reason.MANUAL)
    suppress(BOB, reason=Reason.MANUAL)
    assert told == [("added", "manual", "")] * 2


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_that_does_not_show_the_entry_yet():
    if connection.vendor != "mysql":
        pytest.skip("only MySQL and MariaDB write to what a snapshot does not show")

    def add():
        return suppress(BOB, reason=Reason.UNSUBSCRIBE).reported

    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    try:
        with transaction.atomic():
            Suppression.objects.count()
            assert in_thread(add) == 1
            assert suppress(BOB, reason=Reason.UNSUBSCRIBE).reported == 2
    finally:
        connection.close()
    assert is_suppressed(BOB, stream="news")


@pytest.mark.django_db(transaction=True)
def test_a_rollback_tells_nobody(told):
    with transaction.atomic():
        suppress(BOB, reason=Reason.COMPLAINT)
        transaction.set_rollback(True)
    assert told == []
    assert not is_suppressed(BOB)


@pytest.mark.django_db(transaction=True)
def test_one_query_for_a_thousand(django_assert_num_queries):
    suppress("p7@example.com", reason=Reason.MANUAL)
    asked = [f"p{number}@example.com" for number in range(900)]
    with django_assert_num_queries(1):
        assert find(asked).keys() == {"p7@example.com"}
    most = connection.features.max_query_params
    many = [f"p{number}@example.com" for number in range(10_000)]
    with django_assert_num_queries(11 if most and most < 1_005 else 10):
        assert find(many).keys() == {"p7@example.com"}


@pytest.mark.django_db(transaction=True)
def test_two_at_a_time_write_one_entry():
    def add():
        return suppress(BOB, reason=Reason.COMPLAINT).pk

    with transaction.atomic():
        Suppression.objects.count()  # a snapshot, where the database takes one here
        assert in_thread(add)
        assert suppress(BOB, reason=Reason.COMPLAINT).reported == 2
    assert Suppression.objects.count() == 1


RACES = [OperationalError("deadlock"), IntegrityError("there, and gone again")]
CHANGES = [
    lambda: suppress(BOB, reason=Reason.UNSUBSCRIBE, stream="news"),
    lambda: choose(BOB, ["offers"], source="page"),
    lambda: take_over(
        [*read(io.StringIO(f"address,reason,stream\n{BOB},unsubscribe,news\n"))]
    ),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost", RACES, ids=["deadlock", "unique"])
@pytest.mark.parametrize("change", CHANGES, ids=["one", "page", "file"])
def test_who_loses_a_race_runs_again(change, lost):
    races = [lost]

    def lose(execute, sql, *args):
        if sql.startswith("INSERT") and races:
            raise races.pop()
        return execute(sql, *args)

    with connection.execute_wrapper(lose):
        change()
    assert is_suppressed(BOB, stream="news")
    lift(BOB)
    races.append(lost)
    with (
        pytest.raises(type(lost)),
        transaction.atomic(),
        connection.execute_wrapper(lose),
    ):
        change()  # only the caller knows what else to do again


def test_its_name_names_nobody():
    assert str(Suppression(pk=7, address=BOB, reason="manual")) == "manual 7"
