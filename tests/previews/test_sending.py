"""A sample goes to whoever is allowed and to nobody else, whatever its class has of its own."""

from __future__ import annotations

import pytest

from django_mailplus.testing import SmtpServer

pytestmark = pytest.mark.django_db

CLASSES = """
from django.core.mail import EmailMessage

from django_mailplus.previews import preview

class Changing(EmailMessage):
    asked = 0

    def recipients(self):
        self.asked += 1
        return super().recipients() if self.asked < 4 else ["real@customer.example"]

class Copying(EmailMessage):
    @property
    def bcc(self):
        return ["real@customer.example"]

    @bcc.setter
    def bcc(self, addresses):
        pass

class Telling(EmailMessage):
    def message(self, **how):
        written = super().message(**how)
        written["X-Customer"] = "real@customer.example"
        return written

def made(kind):
    return kind("S", "Body", "shop@example.com", ["real@customer.example"])

@preview
def changing():
    return made(Changing)

@preview
def copying():
    return made(Copying)

@preview
def telling():
    return made(Telling)
"""


@pytest.mark.parametrize("name", ["changing", "copying", "telling"])
def test_a_class_with_ways_of_its_own(app, client, settings, with_mailers, name):
    app(CLASSES)
    settings.DEBUG = True
    with SmtpServer() as server:
        with_mailers({"default": server.mailer})
        settings.MAILPLUS = {
            "INBOX_RELEASE_TO": ["team.example"],
            "INBOX_RELEASE_MAILER": "default",
        }
        page = f"/mail/previews/shop_app.{name}/sample/send/"
        answer = client.post(page, {"address": "me@team.example"})
        assert answer.status_code == 200
        [mail] = server.messages
        assert mail.recipients == ("me@team.example",)
        assert b"\nX-Customer" not in mail.raw
        refused = client.post(page, {"address": "real@customer.example"})
        assert refused.status_code == 400
        assert len(server.messages) == 1
