"""health() and its page: ill when mail does not leave, and in words that tell of nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.urls import include, path
from django.utils import timezone
from outbox_admin_stage import put, put_due_for, put_finished

from django_mailplus.outbox import views
from django_mailplus.outbox.health import Pause, health
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import MailerState
from django_mailplus.outbox.views import HealthView, MetricsView

pytestmark = pytest.mark.django_db

urlpatterns = [
    path("monitor/", include("django_mailplus.outbox.urls")),
    path("health/", HealthView.as_view(token="opensesame", max_age=10)),
    path("metrics/", MetricsView.as_view(token="opensesame")),
]


@pytest.fixture(autouse=True)
def _urls(settings, with_mailers):
    settings.ROOT_URLCONF = __name__
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "worker"},
            },
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "127.0.0.1", "port": 9},
            },
        }
    )


def test_an_empty_outbox_is_well(django_assert_num_queries):
    with django_assert_num_queries(6):
        found = health()
    assert found.ok
    assert (found.reasons, found.due, found.oldest) == ((), 0, 0.0)


def test_a_mail_that_has_been_due_for_long():
    put_due_for(100)
    put_due_for(1_000, state="held")
    put_due_for(-1_000)
    assert health().ok
    found = health(max_age=60)
    assert not found.ok
    assert found.due == 1
    assert 100 <= found.oldest < 200
    [reason] = found.reasons
    assert "more than 60" in reason


def test_a_mail_whose_worker_is_gone():
    put(state="sending", lease_until=timezone.now() - timedelta(seconds=900))
    put(state="sending", lease_until=timezone.now() + timedelta(seconds=900))
    found = health()
    assert not found.ok
    assert found.oldest >= 900


def test_a_paused_mailer():
    pausing.pause_by_hand("news", "ask ann@example.com")
    MailerState.objects.create(
        alias="rested", paused_until=timezone.now() - timedelta(1)
    )
    found = health()
    assert found.paused == (
        Pause(mailer="news", reason="ask (address)", until=None, by_hand=True),
    )
    assert found.reasons == ("The mailer 'news' is paused by hand: ask (address).",)


def rest(failures, *, seconds=20):
    until = timezone.now() + timedelta(seconds=seconds)
    return MailerState.objects.create(
        alias="smtp", paused_until=until, failures=failures, reason="Gone."
    )


def test_a_pause_that_trouble_made_is_an_alarm_when_it_lasts():
    state = rest(failures=4)
    found = health()
    assert found.ok
    [pause] = found.paused
    assert (pause.mailer, pause.reason, pause.by_hand) == ("smtp", "Gone.", False)
    assert pause.until == state.paused_until
    MailerState.objects.update(failures=5)  # its pauses last for a minute and more
    assert health().reasons == ("The mailer 'smtp' is paused after trouble: Gone.",)


def test_a_short_pause_is_told_where_mails_are_late():
    rest(failures=1)
    put_due_for(1_000)
    found = health()
    assert len(found.reasons) == 2
    assert "paused after trouble" in found.reasons[1]


def test_mails_that_no_outbox_sends():
    for state in ("queued", "held", "sending"):
        put(mailer="old", state=state, lease_until=None)
    put_finished("sent", mailer="older")
    put()
    found = health()
    assert found.stranded == {"old": 3}
    [reason] = found.reasons
    assert "3 mails wait for the mailer 'old'" in reason
    assert "there are: 'smtp'" in reason
    assert "manage.py mailqueue move old --to" in reason


def test_what_waits_for_a_human():
    put_finished("unknown")
    for _ in range(3):
        put_finished("failed")
    found = health()
    assert (found.unknown, found.failed) == (1, 3)
    assert found.reasons == ("Of 1 mails nobody knows whether they were sent.",)
    assert health(max_unknown=None).ok
    assert health(max_unknown=1, max_failed=3).ok
    assert len(health(max_failed=2).reasons) == 2


def test_the_page_of_a_well_outbox(client):
    page = client.get("/monitor/health/")
    assert page.status_code == 200
    assert page["Content-Type"] == "application/json"
    assert "no-store" in page["Cache-Control"]
    assert page.json() == {
        "ok": True,
        "reasons": [],
        "due": 0,
        "oldest": 0.0,
        "paused": [],
        "unknown": 0,
        "failed": 0,
        "stranded": {},
    }


def test_the_page_of_an_ill_outbox_names_nobody(client):
    put_due_for(1_000)
    pausing.pause_by_hand("smtp", "ask ann@example.com")
    page = client.get("/monitor/health/")
    assert page.status_code == 503
    assert len(page.json()["reasons"]) == 2
    assert page.json()["paused"] == [
        {"mailer": "smtp", "reason": "ask (address)", "until": None, "by_hand": True}
    ]
    assert b"@" not in page.content


def test_a_database_that_is_down(client, monkeypatch):
    def fail(**limits):
        raise OperationalError("password of ann refused")

    monkeypatch.setattr(views, "health", fail)
    page = client.get("/monitor/health/")
    assert page.status_code == 503
    assert page.json()["reasons"] == ["The database of the outbox gives no answer."]


@pytest.mark.parametrize("where", ["/health/", "/metrics/"])
def test_a_token(client, where):
    refused = client.get(where)
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == "Bearer"
    for wrong in (
        "Bearer x",
        "opensesame",
        "Basic opensesame",
        "Bearer ",
        "Bearer öpen",
    ):
        assert client.get(where, headers={"authorization": wrong}).status_code == 401
    assert client.post(where).status_code == 401
    right = {"authorization": "Bearer opensesame"}
    assert client.get(where, headers=right).status_code == 200
    assert client.head(where, headers=right).status_code == 200
    assert client.post(where, headers=right).status_code == 405


def test_limits_of_the_page(client):
    put_due_for(30)
    right = {"authorization": "Bearer opensesame"}
    assert client.get("/monitor/health/").status_code == 200
    assert client.get("/health/", headers=right).status_code == 503


@pytest.mark.parametrize("view", [HealthView, MetricsView])
def test_an_empty_token_opens_nothing(view):
    with pytest.raises(ImproperlyConfigured, match="the token is empty"):
        view.as_view(token="")


def test_a_monitor_need_not_log_in(client, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert client.get("/monitor/health/").status_code == 200
    assert client.get("/monitor/metrics/").status_code == 200
