"""Backends that answer in different ways how many mails they sent."""

from __future__ import annotations

from django.core.mail.backends.base import BaseEmailBackend


class Sends(BaseEmailBackend):
    def send_messages(self, email_messages):
        return len(email_messages)


class NothingSent(BaseEmailBackend):
    def send_messages(self, email_messages):
        return 0


class SaysNothing(BaseEmailBackend):
    """Sends, and forgets to say so, as many do."""

    def send_messages(self, email_messages):
        return None
