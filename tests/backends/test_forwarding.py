"""What wrappers and routers do when one of the mailers behind them fails."""

from __future__ import annotations

import logging

import pytest
from django.core.mail import EmailMessage
from example_backends import Failing

from django_mailplus.backends.base import (
    MailplusBackend,
    RouterBackend,
    WrapperBackend,
)


class BySubject(RouterBackend):
    def choose(self, message):
        return message.subject


def mail(to, subject="Hi"):
    return EmailMessage(subject, "Body", "ann@example.com", [to])


def test_fail_silently_goes_on_behind_a_failure(server, with_email_settings):
    with_email_settings(
        EMAIL_BACKEND="unused", EMAIL_HOST=server.host, EMAIL_PORT=server.port
    )
    server.replies["rcpt"] = {"bad@example.com": "550 5.1.1 no", "": "250 ok"}
    batch = [mail(f"{name}@example.com") for name in ("good", "bad", "fine")]
    assert WrapperBackend(fail_silently=True).send_messages(batch) == 2
    assert len(server.messages) == 2
    kinds = [message.delivery_result.recipients[0].kind for message in batch]
    assert kinds == ["accepted", "permanent", "accepted"]


@pytest.fixture
def router(with_mailers):
    one = {"BACKEND": "example_backends.Failing"}
    with_mailers({"default": one, "a": one, "b": one})
    Failing.closed.clear()
    return BySubject(using=["a", "b"], alias="default")


def test_no_error_of_a_router_is_lost(router, caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(OSError, match="to a@"):
        router.send_messages([mail("x@example.com", "a"), mail("x@example.com", "b")])
    assert "The mailer b failed as well: OSError" in caplog.text
    assert "example.com" not in caplog.text


def test_every_mailer_is_closed_though_one_fails(router):
    router.open()
    with pytest.raises(OSError, match="on closing"):
        router.close()
    assert sorted(Failing.closed) == ["a", "b"]


def test_a_leaf_that_was_built_by_hand_has_a_repr():
    class Leaf(MailplusBackend):
        pass

    assert "Leaf" in repr(Leaf())
