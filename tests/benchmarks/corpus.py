"""The messages that are measured: what a shop writes to its customers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from django.core.mail import EmailMessage, EmailMultiAlternatives

__all__ = ["Build", "english", "german", "messages", "with_attachment"]

Build = Callable[[int], EmailMessage]
"""Makes the message with that number: all of them differ, as bodies in real mail do."""

_ATTACHMENT = random.Random(1).randbytes(400_000)  # noqa: S311 (no secret)

_ENGLISH = (
    "your order {number} left our greenhouse this morning. It travels in a box that "
    "keeps the roots moist for a week; please unpack it on the day it arrives, give "
    "every plant a glass of water, and keep it out of the midday sun at first."
)
_GERMAN = (
    "Ihre Bestellung {number} hat heute früh unser Gewächshaus verlassen. Sie reist in "
    "einer Schachtel, die die Wurzeln eine Woche lang feucht hält; bitte öffnen Sie sie "
    "am Tag der Ankunft, gießen Sie jede Pflanze, und gönnen Sie ihr zunächst Schatten."
)
_PARAGRAPHS = 13  # of the text; with the HTML this makes 9 kB on the wire


def _message(
    number: int, *, subject: str, names: tuple[str, str], paragraph: str
) -> EmailMultiAlternatives:
    text = paragraph.format(number=number)
    lines = [text[start : start + 72] for start in range(0, len(text), 72)]
    plain = "\n".join(lines)
    html = "".join(f'<p style="margin:0 0 1em;color:#333">{line}</p>' for line in lines)
    sender, recipient = names
    message = EmailMultiAlternatives(
        subject.format(number=number),
        "\n\n".join([f"Dear {recipient},", *[plain] * _PARAGRAPHS]),
        f"{sender} <shop@example.com>",
        [f"{recipient} <customer{number}@example.com>"],
        headers={"List-Unsubscribe": f"<https://shop.example.com/u/{number}>"},
    )
    message.attach_alternative(
        f"<!doctype html>\n<title>{number}</title>\n" + "\n".join([html] * _PARAGRAPHS),
        "text/html",
    )
    return message


def english(number: int) -> EmailMessage:
    return _message(
        number,
        subject="Your order {number} is on its way",
        names=("Fern and Kettle", "Ann Miller"),
        paragraph=_ENGLISH,
    )


def german(number: int) -> EmailMessage:
    return _message(
        number,
        subject="Ihre Bestellung {number} ist unterwegs, mit schönen Grüßen 🌱",
        names=("Farn & Kessel Gärtnerei", "Jörg Müller-Lüdenscheidt"),
        paragraph=_GERMAN,
    )


def with_attachment(number: int) -> EmailMessage:
    message = english(number)
    message.attach("catalogue.pdf", _ATTACHMENT, "application/pdf")
    return message


def messages(build: Build, count: int) -> Iterator[EmailMessage]:
    """New ones at each call: nothing that a message remembers helps a second sending."""
    return (build(number) for number in range(count))
