"""Messages of which a strict Postfix takes some, and what it says to each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.mail import EmailMessage
from smtp.postfix_mail import mail, said
from smtp.postfix_stage import Postfix, Start, content

TAKEN = ("accepted", 250, "2.1.5")
GONE = ("permanent", 550, "5.1.1")
LATER = ("transient", 450, "4.2.0")
STRANGER = ("permanent", 554, "5.7.1")
SPAM = ("permanent", 550, "5.7.1")
LARGE = ("permanent", 552, "5.3.4")

_FILES = {
    "recipients": "/^gone/ 550 5.1.1 Nobody here\n/^later/ 450 4.2.0 In an hour\n",
    "senders": "/^evil/ 554 5.7.1 Not from you\n",
    "headers": "/^X-Spam: yes/ REJECT No spam\n",
    "body": "/^viagra/ REJECT No spam\n",
}
_SETTINGS = {
    "smtpd_recipient_restrictions": "check_recipient_access regexp:{directory}/recipients",
    "smtpd_sender_restrictions": "check_sender_access regexp:{directory}/senders",
    "header_checks": "regexp:{directory}/headers",
    "body_checks": "regexp:{directory}/body",
    "message_size_limit": 20_000,
    "smtpd_hard_error_limit": 1000,
    "smtpd_junk_command_limit": 1000,
}


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What is special about a message, and what becomes of each of its recipients."""

    told: list[tuple[str, int, str]]
    reply: tuple[int, str]
    changes: dict[str, Any] = field(default_factory=dict)


def _refused(*told: tuple[str, int, str], **changes: Any) -> Fate:
    return Fate(told=list(told), reply=told[-1][1:], changes=changes)


FATES = {
    "taken": Fate(told=[TAKEN], reply=(250, "2.0.0")),
    "partly": Fate(
        told=[GONE, TAKEN, LATER, TAKEN, GONE],
        reply=(250, "2.0.0"),
        changes={
            "to": [f"{x}@example.com" for x in ("gone", "a", "later", "b", "gone1")]
        },
    ),
    "gone": _refused(GONE, to=["gone@example.com"]),
    "later": _refused(LATER, to=["later@example.com"]),
    "nobody": _refused(GONE, LATER, to=["gone@example.com", "later@example.com"]),
    "stranger": _refused(STRANGER, from_email="evil@example.com"),
    "header": _refused(SPAM, headers={"X-Spam": "yes"}),
    "body": _refused(SPAM, body="Hi\nviagra\n" + "text\n" * 500),
    "large": _refused(LARGE, body="a line of text\n" * 2000),
}


def start_strict(start: Start, **settings: object) -> Postfix:
    return start(files=_FILES, **_SETTINGS | settings)


def mails(fates: Sequence[str]) -> list[EmailMessage]:
    """A message for each fate; the subject tells which one it is."""
    return [
        mail(number, **{"subject": f"{number} {fate}"} | FATES[fate].changes)
        for number, fate in enumerate(fates)
    ]


def outcome(message: Any) -> Fate | None:
    """As the backend tells it; None for a message of which it tells nothing."""
    result = message.delivery_result
    if result is None:
        return None
    return Fate(told=said(message), reply=(result.code, result.enhanced))


def told(fate: str) -> Fate:
    return Fate(told=FATES[fate].told, reply=FATES[fate].reply)


def arrivals(postfix: Postfix) -> list[tuple[bytes, list[str]]]:
    """What has arrived, and for whom."""
    taken = postfix.delivered()
    return sorted((content(one), sorted(one.recipients)) for one in taken)


def expected(
    messages: Sequence[EmailMessage], texts: Sequence[bytes], fates: Sequence[str]
) -> list[tuple[bytes, list[str]]]:
    """What should arrive of these, and for whom."""
    found = []
    for message, text, fate in zip(messages, texts, fates, strict=True):
        accepted = [
            address
            for address, what in zip(message.to, FATES[fate].told, strict=True)
            if what == TAKEN
        ]
        if accepted:
            found.append((text, sorted(accepted)))
    return sorted(found)
