"""What providers POST to webhooks, by the descriptions of their fields; nobody in it is real.

Each function makes the body of one event, and the headers that go with it: `what` is the
kind that it means, `number` what the provider calls the mail.
"""

from __future__ import annotations

from tracking.payloads import plain, signed

__all__ = ["PROVIDERS", "SAID", "SECRET", "anymail_settings", "of_provider"]

SECRET = "hook:secret"


def anymail_settings():
    return {"WEBHOOK_SECRET": SECRET, **signed.keys()}


PROVIDERS = {
    "Amazon SES": plain.amazon_ses,
    "Brevo": plain.brevo,
    "MailerSend": signed.mailersend,
    "Mailgun": signed.mailgun,
    "Mailjet": plain.mailjet,
    "Mailtrap": plain.mailtrap,
    "Mandrill": signed.mandrill,
    "Postal": signed.postal,
    "Postmark": plain.postmark,
    "Resend": plain.resend,
    "SendGrid": plain.sendgrid,
    "SparkPost": plain.sparkpost,
    "Unisender Go": signed.unisender_go,
}

_ALL = {
    "hard",
    "soft",
    "block",
    "undetermined",
    "complaint",
    "unsubscribe",
    "delivered",
}
_NOT_SAID = {
    "Amazon SES": {"unsubscribe"},
    "MailerSend": {"block", "undetermined"},
    "Mailtrap": {"undetermined"},
    "Postal": {"complaint", "unsubscribe"},
    "Resend": {"unsubscribe"},
}
SAID = [
    (provider, what)
    for provider in PROVIDERS
    for what in sorted(_ALL - _NOT_SAID.get(provider, set()))
]
"""Each provider with each kind of which it has an event."""


def of_provider(provider, what, number, address="bob@example.com"):
    return PROVIDERS[provider](what, number, address)
