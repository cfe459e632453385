"""The mails that `sendtestemail` sends."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from django_mailplus.compat import PEOPLE_ARE_ADDRESSES
from django_mailplus.mail import EmailMultiAlternatives

__all__ = ["nobody", "test_mails"]


def test_mails(
    options: dict[str, Any],
) -> tuple[list[EmailMultiAlternatives], list[str]]:
    """What is to be sent, and the settings that were asked for but name nobody."""
    subject = f"Test email from {socket.gethostname()} on {timezone.now()}"
    messages, empty = [], []
    if options["email"]:
        text = "If you're reading this, it was successful."
        messages.append(
            EmailMultiAlternatives(subject, text, to=list(options["email"]))
        )
    for wanted, setting, whom in (
        (options["managers"], "MANAGERS", "managers"),
        (options["admins"], "ADMINS", "admins"),
    ):
        recipients = _people(setting) if wanted else []
        if recipients:
            message = EmailMultiAlternatives(
                f"{settings.EMAIL_SUBJECT_PREFIX}{subject}",
                f"This email was sent to the site {whom}.",
                settings.SERVER_EMAIL,
                recipients,
            )
            messages.append(message)
        elif wanted:
            empty.append(setting)
    for message in messages:
        _complete(message, options)
    return messages, empty


def _complete(message: EmailMultiAlternatives, options: dict[str, Any]) -> None:
    if options["from_email"]:
        message.from_email = options["from_email"]
    if options["html"]:
        message.attach_alternative(f"<p>{escape(str(message.body))}</p>", "text/html")
    for path in options["attach"]:
        if not Path(path).is_file():
            raise CommandError(
                f"--attach: there is no file {path!r}. Nothing was sent."
            )
        try:
            message.attach_file(path)
        except OSError as error:
            raise CommandError(f"--attach: {error}. Nothing was sent.") from error


def _people(setting: str) -> list[str]:
    """The addresses of ADMINS or MANAGERS, in the forms that this Django takes."""
    entries = getattr(settings, setting)
    addresses = []
    for entry in entries if isinstance(entries, list | tuple) else [None]:
        if isinstance(entry, list | tuple) and len(entry) == 2:
            addresses.append(str(entry[1]))
        elif (
            PEOPLE_ARE_ADDRESSES
            and entry is not None
            and not isinstance(entry, list | tuple)
        ):
            addresses.append(str(entry))
        else:
            form = (
                "email addresses" if PEOPLE_ARE_ADDRESSES else "(name, address) pairs"
            )
            raise CommandError(f"The {setting} setting must be a list of {form}.")
    return addresses


def nobody(empty: Sequence[str]) -> str:
    names = " and ".join(f"{name} is empty" for name in empty)
    return f"{names}: nobody there to send to. Add addresses to the setting, or name some here."
