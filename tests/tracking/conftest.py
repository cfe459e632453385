"""Mails that a provider has taken through an outbox, and webhooks that tell of them."""

from __future__ import annotations

import base64
from importlib.util import find_spec

import pytest
from django.core.mail import EmailMessage

from django_mailplus import mail
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.sending.worker import Worker


def pytest_collection_modifyitems(items):
    if find_spec("anymail") is None:
        for item in items:
            if "tracking" in item.path.parts and "classifier" not in item.path.name:
                item.add_marker(pytest.mark.skip(reason="no django-anymail"))


@pytest.fixture(autouse=True)
def _changed_first_and_restored_last(settings):
    """Who changes settings with both must undo the changes of `with_mailers` first."""


@pytest.fixture
def provider(with_mailers):
    """Sends a mail through an outbox and an API that answers so; its row."""

    def send(name, answer, message=None, **settings):
        """`answer` has the number and the status of each recipient, or is for all."""
        from anymail.backends.test import EmailBackend
        from anymail.message import AnymailRecipientStatus

        class Provider(EmailBackend):
            esp_name = name

            def post_to_esp(self, payload, message):
                sent.append((message, payload.get_params()))
                if isinstance(answer, Exception):
                    raise answer
                told = {
                    address: AnymailRecipientStatus(
                        *(answer[address] if isinstance(answer, dict) else answer)
                    )
                    for address in payload.recipient_emails
                }
                return {"recipient_status": told}

        sent = []
        globals()["Provider"] = Provider
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "provider", "dispatch": "worker"},
                },
                "provider": {"BACKEND": f"{__name__}.Provider"},
            },
            **settings,
        )
        message = message or EmailMessage(
            "Hi", "Hi", "a@example.com", ["bob@example.com"]
        )
        mail.mailers["default"].send_messages([message])
        Worker(["provider"]).run(drain=True)
        send.seen = sent
        return OutboxMessage.objects.latest("pk")

    return send


@pytest.fixture
def hook(client, settings):
    """POSTs what a provider sends to django-anymail's own webhook; the status code."""
    from tracking.payloads import SECRET, anymail_settings

    settings.ANYMAIL = anymail_settings()
    settings.ROOT_URLCONF = "tracking.hook_urls"
    basic = "Basic " + base64.b64encode(SECRET.encode()).decode()

    def post(path, body, content_type, headers):
        response = client.post(
            f"/anymail/{path}",
            data=body,
            content_type=content_type,
            headers={**headers, "Authorization": basic},
        )
        return response.status_code

    return post
