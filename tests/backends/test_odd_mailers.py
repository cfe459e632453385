"""Routers and wrappers with mailers, messages and callers that do what is unusual."""

from __future__ import annotations

import smtplib
import time
from types import SimpleNamespace

import pytest
from backends.stage import smtp
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus.backends import breakers
from django_mailplus.backends.base import MailplusBackend, WrapperBackend
from django_mailplus.backends.breakers import Patience, breaker_of
from django_mailplus.compat import get_mailer
from django_mailplus.exceptions import NotSentError, PartialDeliveryError

FAILOVER = "django_mailplus.backends.failover.EmailBackend"
REDIRECT = "django_mailplus.backends.redirect.EmailBackend"
SMTP = "django_mailplus.backends.smtp.EmailBackend"
DJANGO = "django.core.mail.backends.smtp.EmailBackend"

pytestmark = pytest.mark.usefixtures("forget_mailers")


def over(*using, path=FAILOVER, **options):
    using = list(using) if path == FAILOVER else using[0]
    return {"BACKEND": path, "OPTIONS": {"using": using, **options}}


def mails(count=1):
    return [
        EmailMessage(f"No {n}", "Body", "ann@example.com", ["bob@example.com"])
        for n in range(count)
    ]


def taken(server):
    return sorted(
        line.removeprefix(b"Subject: ").decode()
        for each in server.taken
        for line in each.content.splitlines()
        if line.startswith(b"Subject:")
    )


def health(alias):
    return breaker_of("default", alias, Patience()).health


class Pass(WrapperBackend):
    """Changes nothing."""


HERE = __name__


def test_partial_errors_of_a_wrapper_name_the_callers_messages(with_mailers, servers):
    with_mailers(
        {
            "default": over("one", path=f"{HERE}.Pass"),
            "one": smtp(servers[0], concurrency=2),
        }
    )
    servers[0].plan(mail=["250 ok", "550 5.7.1 no", "250 ok"])
    batch = mails(3)
    with pytest.raises(PartialDeliveryError) as raised:
        get_mailer("default").send_messages(batch)
    [(failed, _)] = raised.value.failures
    assert any(failed is each for each in batch)


def test_refused_behind_a_wrapper_with_several_connections(with_mailers, servers):
    with_mailers(
        {
            "default": over("wrap", "two", on_unknown="next"),
            "wrap": over("one", path=f"{HERE}.Pass"),
            "one": smtp(servers[0], concurrency=2),
            "two": smtp(servers[1]),
        }
    )
    servers[0].plan(rcpt="550 5.1.1 no")
    batch = mails(5)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        get_mailer("default").send_messages(batch)
    assert servers[1].taken == []
    assert health("wrap") == "closed"


class Silent(MailplusBackend):
    """A project's own one, which sets no results."""

    sent: list[str] = []

    def send_messages(self, messages):
        for message in messages:
            if message.subject == "No 1":
                raise ConnectionRefusedError
            self.sent.append(message.subject)
        return len(messages)


def test_a_backend_of_a_project_sends_nothing_twice(with_mailers, servers):
    Silent.sent.clear()
    with_mailers(
        {
            "default": over("own", "two"),
            "own": {"BACKEND": f"{HERE}.Silent"},
            "two": smtp(servers[1]),
        }
    )
    get_mailer("default").send_messages(mails(3))
    assert sorted(Silent.sent + taken(servers[1])) == ["No 0", "No 1", "No 2"]


@pytest.mark.parametrize("path", [SMTP, DJANGO])
def test_it_may_be_opened_while_one_is_down(with_mailers, servers, path):
    with_mailers(
        {
            "default": over("one", "two"),
            "one": smtp(servers[0], path),
            "two": smtp(servers[1], path),
        }
    )
    servers[0].plan(banner="421 4.3.2 not now")
    with get_mailer("default") as mailer:
        assert mailer.send_messages(mails(2)) == 2
        assert mailer.send_messages(mails(2)) == 2
    assert len(servers[1].taken) == 4


@pytest.mark.parametrize("path", [SMTP, DJANGO])
def test_an_open_one_reconnects(with_mailers, servers, path, monkeypatch):
    with_mailers(
        {
            "default": over("one", "two"),
            "one": smtp(servers[0], path),
            "two": smtp(servers[1], path),
        }
    )
    with get_mailer("default") as mailer:
        servers[0].plan(mail="421 4.3.2 closing")
        assert mailer.send_messages(mails(1)) == 1
        servers[0].plan()

        later = time.time() + 70
        monkeypatch.setattr(breakers.time, "time", lambda: later)
        assert mailer.send_messages(mails(1)) == 1
    assert len(servers[0].taken) == 1


class Odd(BaseEmailBackend):
    """Fails with one message in a way that nobody knows."""

    sent: list[str] = []

    def send_messages(self, messages):
        [message] = messages
        if message.subject == "No 1":
            raise RuntimeError
        self.sent.append(message.subject)


def test_an_odd_error_takes_no_mailer_down(with_mailers, servers):
    Odd.sent.clear()
    with_mailers(
        {
            "default": over("odd", "two"),
            "odd": {"BACKEND": f"{HERE}.Odd"},
            "two": smtp(servers[1]),
        }
    )
    with pytest.raises(RuntimeError):
        get_mailer("default").send_messages(mails(4))
    assert sorted(Odd.sent + taken(servers[1])) == ["No 0", "No 2", "No 3"]
    assert health("odd") == "closed"


def test_behind_an_odd_error_the_others_are_sent_all_the_same(with_mailers, servers):
    Odd.sent.clear()
    with_mailers(
        {
            "default": over("odd", "two"),
            "odd": {"BACKEND": f"{HERE}.Odd"},
            "two": smtp(servers[1]),
        }
    )
    servers[1].plan(banner="421 4.3.2 not now")
    with pytest.raises(RuntimeError):
        get_mailer("default").send_messages(mails(4))
    assert Odd.sent == ["No 0", "No 2", "No 3"]


class Drop(WrapperBackend):
    def prepare(self, message):
        return None


def test_what_was_dropped_tells_nothing_of_a_mailer(with_mailers, servers, monkeypatch):
    with_mailers(
        {
            "default": over("drop", "two"),
            "drop": over("one", path=f"{HERE}.Drop"),
            "one": smtp(servers[0]),
            "two": smtp(servers[1]),
        }
    )
    breaker_of("default", "drop", Patience()).note_down()

    later = time.time() + 70
    monkeypatch.setattr(breakers.time, "time", lambda: later)
    assert get_mailer("default").send_messages(mails()) == 0
    assert health("drop") == "half-open"
    assert breaker_of("default", "drop", Patience()).admits()


def test_a_full_pool_takes_no_mailer_down(with_mailers, servers):
    with_mailers(
        {
            "default": over("one", "two"),
            "one": smtp(servers[0], pool_size=1, pool_timeout=0.1),
            "two": smtp(servers[1]),
        }
    )
    with get_mailer("one") as busy:
        busy.open()
        assert get_mailer("default").send_messages(mails()) == 1
    assert health("one") == "closed"
    assert len(servers[1].taken) == 1


def test_the_same_message_twice(with_mailers, servers):
    with_mailers(
        {
            "default": over("wrap", "two"),
            "wrap": over("one", path=f"{HERE}.Pass"),
            "one": smtp(servers[0]),
            "two": smtp(servers[1]),
        }
    )
    [one] = mails()
    assert get_mailer("default").send_messages([one, one]) == 2
    assert len(servers[0].taken) == 2


class RefusedError(Exception):
    """As that of django-anymail, which has no code."""


def said(status):
    recipients = {"bob@example.com": SimpleNamespace(status=status)}
    return SimpleNamespace(recipients=recipients, message_id="1")


class Refused(BaseEmailBackend):
    def send_messages(self, messages):
        [message] = messages
        message.anymail_status = said("rejected")
        raise RefusedError


def test_a_refusal_of_a_provider_is_final(with_mailers, servers):
    with_mailers(
        {
            "default": over("api", "two", on_unknown="next"),
            "api": {"BACKEND": f"{HERE}.Refused"},
            "two": smtp(servers[1]),
        }
    )
    for _ in range(4):
        with pytest.raises(RefusedError):
            get_mailer("default").send_messages(mails())
    assert servers[1].taken == []
    assert health("api") == "closed"


class Failed(BaseEmailBackend):
    def send_messages(self, messages):
        [message] = messages
        message.anymail_status = said("failed")
        raise ConnectionRefusedError


def test_what_one_said_is_not_told_of_the_next(with_mailers, servers):
    with_mailers(
        {
            "default": over("api", "two"),
            "api": {"BACKEND": f"{HERE}.Failed"},
            "two": smtp(servers[1], DJANGO),
        }
    )
    [message] = mails()
    assert get_mailer("default").send_messages([message]) == 1
    assert message.delivery_result is None


class Same(WrapperBackend):
    """Sends one and the same message for all."""

    kept = EmailMessage("One", "Body", "ann@example.com", ["bob@example.com"])

    def prepare(self, message):
        return self.kept


def test_a_stream_of_one_message_for_many(with_mailers, servers):
    with_mailers({"default": over("one", path=f"{HERE}.Same"), "one": smtp(servers[0])})
    stream = get_mailer("default").stream(1)
    batch = mails(3)
    for message in batch:
        stream.put(message, lambda: None)
    got = []
    while len(got) < 3 and (outcome := stream.get(5)):
        got.append(outcome[0])
        stream.recorded()
    stream.close()
    assert {id(m) for m in got} == {id(m) for m in batch}
    assert all(m.delivery_result.accepted for m in batch)


class Counting(WrapperBackend):
    """Overrides what it should not."""

    seen = 0

    def send_messages(self, messages):
        type(self).seen += 1
        return super().send_messages(messages)


def test_a_wrapper_that_sends_in_its_own_way_has_no_stream(with_mailers, servers):
    with_mailers(
        {"default": over("one", path=f"{HERE}.Counting"), "one": smtp(servers[0])}
    )
    assert get_mailer("default").stream() is None


def test_held_back_frees_the_trial(with_mailers, servers, monkeypatch):
    with_mailers(
        {
            "default": over("one", "two"),
            "one": smtp(servers[0]),
            "two": smtp(servers[1]),
        }
    )
    breaker_of("default", "one", Patience()).note_down()

    later = time.time() + 70
    monkeypatch.setattr(breakers.time, "time", lambda: later)
    stream = get_mailer("default").stream(1)

    def before():
        raise NotSentError

    [message] = mails()
    stream.put(message, before)
    got, error = stream.get(5)
    stream.close()
    assert got is message
    assert isinstance(error, NotSentError)
    assert servers[0].taken == servers[1].taken == []
    assert breaker_of("default", "one", Patience()).admits()
