"""What a provider's API would turn into one mail for each: SMTP says that it cannot."""

from __future__ import annotations

import pytest
from backends.stage import letters, smtp
from django.core.mail import EmailMessage
from misbehaving_server import MisbehavingServer
from outbox.mailing import states

from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.dkim.keys import new_key
from django_mailplus.exceptions import NoMailerError, UnsupportedMessageError
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.sending.worker import Worker

pytestmark = pytest.mark.usefixtures("forget_mailers")
FAILOVER = "django_mailplus.backends.failover.EmailBackend"


def merged(to=("bob@example.com", "carol@example.com"), **attributes):
    message = EmailMessage("Hi", "Dear {{name}}", "ann@example.com", list(to))
    attributes = attributes or {"merge_data": {"bob@example.com": {"name": "Bob"}}}
    vars(message).update(attributes)
    return message


class Api:
    """Stands for django-anymail: takes what it is told to, or is down."""

    is_down = False
    taken: list[EmailMessage] = []

    def __init__(self, alias=None, **options):
        pass

    def open(self):
        pass

    def close(self):
        pass

    def send_messages(self, messages):
        if self.is_down:
            raise ConnectionRefusedError
        self.taken.extend(messages)
        return len(messages)


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr(Api, "taken", [])
    monkeypatch.setattr(Api, "is_down", False)
    return {"BACKEND": f"{__name__}.Api"}


@pytest.fixture
def peer():
    with MisbehavingServer() as server:
        yield server


@pytest.mark.parametrize("name", ["merge_data", "merge_headers", "merge_metadata"])
def test_smtp_sends_it_to_nobody(with_mailers, peer, name):
    with_mailers({"default": smtp(peer)})
    message = merged(**{name: {"bob@example.com": {"name": "Bob"}}})
    with pytest.raises(UnsupportedMessageError, match=f"has {name}, ") as caught:
        get_mailer("default").send_messages([message])
    assert classify(caught.value) == "message"
    assert {r.kind for r in message.delivery_result.recipients} == {"permanent"}
    assert peer.taken == []


def test_what_comes_to_the_same_is_sent(with_mailers, peer):
    with_mailers({"default": smtp(peer)})
    nothing = merged(to=["bob@example.com"], merge_data={}, merge_metadata=None)
    assert get_mailer("default").send_messages([nothing]) == 1
    with pytest.raises(UnsupportedMessageError):  # each would have got one of his own
        get_mailer("default").send_messages([merged(merge_data={})])


def test_nor_does_it_where_it_is_signed(with_mailers, peer):
    _, pem = new_key(domain="example.com", selector="a", algorithm="ed25519-sha256")
    keys = [{"domain": "example.com", "selector": "a", "key": pem(None).decode()}]
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.dkim.EmailBackend",
                "OPTIONS": {"using": "smtp", "keys": keys},
            },
            "smtp": smtp(peer),
        }
    )
    with pytest.raises(UnsupportedMessageError):
        get_mailer("default").send_messages([merged()])
    assert get_mailer("default").send_messages(letters(1)) == len(peer.taken) == 1


@pytest.mark.parametrize("order", [["smtp", "api"], ["api", "smtp"]], ids=str)
def test_a_router_gives_it_to_whoever_can(with_mailers, peer, api, order):
    with_mailers(
        {
            "default": {"BACKEND": FAILOVER, "OPTIONS": {"using": order}},
            "smtp": smtp(peer),
            "api": api,
        }
    )
    assert get_mailer("default").send_messages([merged(), *letters(1)]) == 2
    assert [m.subject for m in Api.taken][:1] == ["Hi"]
    assert len(peer.taken) + len(Api.taken) == 2


def test_it_waits_for_the_one_that_can(with_mailers, peer, api, monkeypatch):
    with_mailers(
        {
            "default": {"BACKEND": FAILOVER, "OPTIONS": {"using": ["api", "smtp"]}},
            "smtp": smtp(peer),
            "api": api,
        }
    )
    monkeypatch.setattr(Api, "is_down", True)
    message = merged()
    with pytest.raises(NoMailerError):
        get_mailer("default").send_messages([message])
    assert {r.kind for r in message.delivery_result.recipients} == {"transient"}
    assert peer.taken == []


def test_where_none_can_it_is_refused(with_mailers, peer):
    with_mailers(
        {
            "default": {"BACKEND": FAILOVER, "OPTIONS": {"using": ["one", "two"]}},
            "one": smtp(peer),
            "two": smtp(peer),
        }
    )
    with pytest.raises(UnsupportedMessageError):
        get_mailer("default").send_messages([merged()])


@pytest.mark.django_db(transaction=True)
def test_an_outbox_says_why_it_failed(with_mailers, peer):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "worker"},
            },
            "smtp": smtp(peer),
        }
    )
    get_mailer("default").send_messages([merged()])
    Worker(["smtp"]).run(drain=True)
    assert states() == ["failed"]
    assert "merge_data" in OutboxMessage.objects.get().text
