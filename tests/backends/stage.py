"""What tests of the SMTP backend share: a server that breaks off, messages, answers."""

from __future__ import annotations

import os
import uuid

import pytest
from django.core.mail import EmailMessage
from scripted_server import ScriptedServer

__all__ = [
    "PIPELINING",
    "TO",
    "Breaking",
    "connections",
    "kind",
    "kinds",
    "letters",
    "ratelimit",
    "redis",
    "smtp",
]

PIPELINING = "250-test\n250-PIPELINING\n250 SIZE 1000000"
TO = ["bob@example.com", "Carol <carol@example.com>", "dave@example.com"]


class Breaking(ScriptedServer):
    """Breaks off at a MAIL when told to, once; or takes one message per connection."""

    breaks = False
    stuck = False

    def _reply(self, connection, stage, line=""):
        if stage == "mail" and self.breaks:
            self.breaks = False
            return False
        if stage == "mail" and self.stuck and len(self.messages) == connections(self):
            connection.sendall(b"503 5.5.1 nested MAIL\r\n")
            return True
        return super()._reply(connection, stage, line)


def letters(count, to="bob@example.com"):
    return [
        EmailMessage(f"No {n}", "Body", "ann@example.com", [to]) for n in range(count)
    ]


def connections(server):
    return [command.split()[0] for command in server.commands].count("ehlo")


def kind(message):
    (recipient,) = message.delivery_result.recipients
    return recipient.kind


def kinds(message):
    return [r.kind for r in message.delivery_result.recipients]


def smtp(server, path="django_mailplus.backends.smtp.EmailBackend", **options):
    """An entry of MAILERS for that server."""
    options = {"host": server.host, "port": server.port, "timeout": 5, **options}
    return {"BACKEND": path, "OPTIONS": options}


def redis():
    """An entry of CACHES, with keys of its own."""
    import redis as client

    url = os.environ.get("MAILPLUS_TEST_REDIS", "redis://127.0.0.1:6379/0")
    try:
        client.Redis.from_url(url).ping()
    except OSError:
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail("These tests need redis.")
        pytest.skip("no redis")
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": uuid.uuid4().hex,
    }


def ratelimit(using="smtp", **options):
    """An entry of MAILERS that limits another."""
    path = "django_mailplus.backends.ratelimit.EmailBackend"
    return {"BACKEND": path, "OPTIONS": {"using": using, **options}}
