"""Of the ways through a router one is limited: mail for the others does not wait for it."""

from __future__ import annotations

import math

import pytest
from backends.stage import ratelimit, smtp
from django.core.mail import EmailMessage
from outbox.mailing import send, states

from django_mailplus.outbox.mailers.due import seconds_until_due
from django_mailplus.outbox.models import Attempt, MailerState, OutboxMessage
from django_mailplus.outbox.sending.put_off import PutOff, note_way, way_of
from django_mailplus.outbox.sending.worker import Worker

BACKENDS = "django_mailplus.backends"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("forget_mailers"),
]


def mailer(kind, using, **options):
    return {
        "BACKEND": f"{BACKENDS}.{kind}.EmailBackend",
        "OPTIONS": {"using": using, **options},
    }


@pytest.fixture
def send_news(with_mailers, servers):
    """Mailers of which "slow" is limited, and four newsletters that go there."""

    def configure(rate="20/h", **more):
        with_mailers(
            {
                "slow": ratelimit("two", rate=rate, max_wait=0),
                "one": smtp(servers[0]),
                "two": smtp(servers[1]),
                **more,
            }
        )
        for number in range(4):
            news = EmailMessage("News", "", "a@example.com", [f"n{number}@example.com"])
            news.stream = "news"
            assert news.send() == 1

    return configure


def by_stream(using, news):
    return mailer("route", using, by="stream", routes={"news": news})


def test_only_the_mails_of_that_way_are_put_off(send_news, servers):
    send_news(
        default=mailer("outbox", "ways", dispatch="worker"),
        ways=by_stream(["one", "slow"], "slow"),
    )
    send("reset")
    worker = Worker(["ways"])
    worker.run(drain=True)
    assert worker.is_held_up  # whoever drains comes again
    assert [len(server.taken) for server in servers] == [1, 2]
    assert states() == ["sent"] * 2 + ["queued"] * 2 + ["sent"]
    # No try counts, and nobody rests; the one behind the other waits longer.
    waiting = OutboxMessage.objects.filter(state="queued")
    assert set(waiting.values_list("attempts", flat=True)) == {0}
    assert Attempt.objects.count() == 3
    assert not MailerState.objects.filter(paused_until__isnull=False).exists()
    assert 100 < seconds_until_due("ways") <= 200
    first, second = waiting.order_by("id").values_list("due_at", flat=True)
    assert 1 < (second - first).total_seconds() < 31


def test_they_leave_as_there_is_room(send_news, servers):
    send_news(
        rate="2/s",
        default=mailer("outbox", "ways", dispatch="worker"),
        ways=by_stream(["one", "slow"], "slow"),
    )
    Worker(["ways"]).run(drain=True)
    assert states() == ["sent"] * 4


def test_a_way_of_several_mailers_is_put_off_once_none_has_room(send_news, servers):
    send_news(
        default=mailer("outbox", "ways", dispatch="worker"),
        ways=by_stream(["one", "both"], "both"),
        both=mailer("failover", ["slow", "slower"]),
        slower=ratelimit("two", rate="10/h", max_wait=0),
    )
    send("reset")
    Worker(["ways"]).run(drain=True)
    assert [len(server.taken) for server in servers] == [1, 3]
    assert states() == ["sent"] * 3 + ["queued"] + ["sent"]
    assert not MailerState.objects.filter(paused_until__isnull=False).exists()


def test_a_way_further_on_is_one_as_well(send_news, servers):
    send_news(
        default=mailer("outbox", "outer", dispatch="worker"),
        outer=mailer("failover", ["ways", "slower"]),
        ways=by_stream(["one", "slow"], "slow"),
        slower=ratelimit("two", rate="10/h", max_wait=0),
    )
    send("reset")
    Worker(["outer"]).run(drain=True)
    assert [len(server.taken) for server in servers] == [1, 3]
    assert not MailerState.objects.filter(paused_until__isnull=False).exists()


def test_with_an_outbox_for_each_way_the_slow_one_holds_up_nobody(send_news, servers):
    send_news(
        default=by_stream(["soon", "later"], "later"),
        soon=mailer("outbox", "one", dispatch="worker"),
        later=mailer("outbox", "slow", dispatch="worker"),
    )
    Worker(["one", "slow"]).run(drain=True)
    send("reset")
    Worker(["one", "slow"]).run(drain=True)
    assert [len(server.taken) for server in servers] == [1, 2]


def test_in_line_each_waits_longer_but_none_for_long():
    line = PutOff()
    waits = [line.seconds_for("slow", 10.0) for _ in range(6)]
    assert [round(wait) for wait in waits] == [10, 20, 30, 40, 40, 40]
    assert round(line.seconds_for("other", 5.0)) == 5


def test_who_is_due_is_waited_for_until_somebody_looks():
    line = PutOff()
    assert line.seconds() == math.inf
    line.note(60.0)
    line.note(0.0)
    assert line.seconds() == 0
    line.look()
    assert 0 < line.seconds() <= 60


def test_the_router_that_is_nearest_names_the_way():
    error = OSError()
    assert way_of(error) is None
    note_way(error, "near")
    note_way(error, "far")
    assert way_of(error) == "near"
