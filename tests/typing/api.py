"""Uses of the public names that the type checker must accept. Never run."""

from __future__ import annotations

from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus import mail
from django_mailplus.backends.base import RouterBackend, WrapperBackend
from django_mailplus.delivery import DeliveryResult, RecipientResult, classify
from django_mailplus.signals import message_failed


def send() -> int:
    mail.send_mail(
        "s", "b", None, ["a@example.com"], html_message="<p>b</p>", using="smtp"
    )
    message = mail.EmailMultiAlternatives("s", "b", to=["a@example.com"])
    return message.send(using="smtp")


def choose(alias: str) -> BaseEmailBackend:
    return mail.mailers[alias]


def read(result: DeliveryResult) -> list[str]:
    refused: tuple[RecipientResult, ...] = result.refused
    return [recipient.address for recipient in refused if recipient.kind == "permanent"]


def fault(error: Exception) -> str:
    return classify(error)


class Footer(WrapperBackend):
    def prepare(self, message: mail.EmailMessage) -> mail.EmailMessage | None:
        message.body = f"{message.body}\n-- "
        return message


class Spread(RouterBackend):
    def choose(self, message: mail.EmailMessage) -> str | None:
        return self.using[0]


message_failed.connect(lambda sender, **kwargs: None)
