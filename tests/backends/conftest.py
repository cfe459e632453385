"""Mailers of the SMTP backend on a scripted server."""

from __future__ import annotations

import pytest
from backends.stage import PIPELINING, TO, Breaking
from backends.suppression_stage import after_commit, guarded  # noqa: F401 (fixtures)
from django.core.mail import EmailMessage
from misbehaving_server import MisbehavingServer
from scripted_server import ScriptedServer

from django_mailplus.backends import breakers
from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import get_mailer
from django_mailplus.signals import message_failed, message_sent
from django_mailplus.smtp.registry import close_all


@pytest.fixture
def send(with_mailers):
    """Send one message to a server that replies as told; gives what came of it."""

    def send(to=TO, count=1, timeout=None, **replies):
        options = {"timeout": timeout} if timeout else {}
        batch = [
            EmailMessage("Hi", "Body", "ann@example.com", to) for _ in range(count)
        ]
        with ScriptedServer(**replies) as server:
            with_mailers(
                {
                    "default": {
                        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                        "OPTIONS": {
                            "host": server.host,
                            "port": server.port,
                            **options,
                        },
                    }
                }
            )
            error = None
            try:
                get_mailer("default").send_messages(batch)
            except Exception as raised:
                error = raised
        return batch, error, server

    return send


@pytest.fixture
def told():
    """The signals sent during the test, as (name, addresses)."""
    heard = []

    def sent(sender, message, result, recipients, **kwargs):
        heard.append(("sent", [r.address for r in recipients]))

    def failed(sender, message, result, recipients, **kwargs):
        assert result is message.delivery_result
        heard.append(("failed", [r.address for r in recipients]))

    message_sent.connect(sent, sender=EmailBackend)
    message_failed.connect(failed, sender=EmailBackend)
    yield heard
    message_sent.disconnect(sent, sender=EmailBackend)
    message_failed.disconnect(failed, sender=EmailBackend)


@pytest.fixture
def forget_connections():
    yield
    close_all()


@pytest.fixture
def peer():
    """A server that pipelines, and breaks off when told to."""
    with Breaking(ehlo=PIPELINING) as server:
        yield server


@pytest.fixture
def mailer(with_mailers, peer):
    """Configures the default mailer; gives a new backend of it at every call."""

    def configure(**options):
        options = {"host": peer.host, "port": peer.port, **options}
        backend = "django_mailplus.backends.smtp.EmailBackend"
        with_mailers({"default": {"BACKEND": backend, "OPTIONS": options}})
        return lambda: get_mailer("default")

    return configure


@pytest.fixture
def forget_mailers():
    """Nothing is known of any mailer, before the test and after it."""
    breakers.forget_breakers()
    yield
    breakers.forget_breakers()
    close_all()


@pytest.fixture
def servers():
    """Two, for mailers of which one stands in for the other."""
    with MisbehavingServer() as one, MisbehavingServer() as two:
        yield [one, two]
