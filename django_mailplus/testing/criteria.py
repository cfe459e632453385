"""Which mails a test means: what it may say, what fits, and what fits best of the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from django_mailplus.message.envelope import bare_address, bare_addresses
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.testing.telling import listed
from django_mailplus.viewer.finding import html_text

if TYPE_CHECKING:
    from django_mailplus.testing.sent_mail import SentMail

__all__ = ["Criteria", "describe", "differences", "explain", "refuse_mistakes"]

_WIDTH = 60  # characters of a subject


class Criteria(TypedDict, total=False):
    """What a mail must fulfil, all of it.

    `to` is an address that gets it: in To, Cc or Bcc. Addresses are equal in any case. A
    text is contained in the subject, or in the body (its text, else its HTML); a compiled
    regular expression is found there. `template` is the name it was rendered from, `using` the
    mailer that sent it.
    """

    to: str
    from_: str
    subject: str | re.Pattern[str]
    text: str | re.Pattern[str]
    template: str
    using: str


def _same_address(wanted: str, addresses: Sequence[str]) -> bool:
    key = lookalike_key(bare_address(wanted))
    return any(lookalike_key(address) == key for address in addresses)


def _contains(wanted: str | re.Pattern[str], said: str) -> bool:
    if isinstance(wanted, str):
        return wanted in said
    return wanted.search(said) is not None


_FITS: Mapping[str, Callable[[Any, SentMail], bool]] = {
    "to": lambda wanted, mail: _same_address(wanted, mail.recipients),
    "from_": lambda wanted, mail: _same_address(wanted, [mail.from_]),
    "subject": lambda wanted, mail: _contains(wanted, mail.subject),
    "text": lambda wanted, mail: _contains(wanted, mail.text or html_text(mail.html)),
    "template": lambda wanted, mail: wanted == mail.template,
    "using": lambda wanted, mail: wanted == mail.using,
}


def refuse_mistakes(criteria: Mapping[str, Any]) -> None:
    """Raise for what no mail can fulfil, or `none` would hold by a slip in the test."""
    if unknown := sorted(criteria.keys() - _FITS.keys()):
        raise TypeError(
            f"No mail is looked for by {', '.join(unknown)} (there are: {', '.join(_FITS)})."
        )
    for name, value in criteria.items():
        if name in ("subject", "text"):
            if not isinstance(value, str | re.Pattern):
                raise TypeError(
                    f"{name}={value!r}: it has to be a text or a compiled regular expression."
                )
        elif not isinstance(value, str):
            raise TypeError(f"{name}={value!r}: it has to be a text.")
        elif name in ("to", "from_") and not _is_one_address(value):
            raise ValueError(f"{name}={value!r}: it has to be one email address.")


def _is_one_address(value: str) -> bool:
    found = bare_addresses(value)
    return len(found) == 1 and "@" in found[0]


def differences(mail: SentMail, criteria: Mapping[str, Any]) -> list[str]:
    """The names of those that the mail does not fulfil."""
    return [name for name, wanted in criteria.items() if not _FITS[name](wanted, mail)]


def describe(criteria: Mapping[str, Any]) -> str:
    """Such as ` with to='ann@example.com', subject='Welcome'`; empty for none."""
    said = [
        f"{name}={value!r}" if isinstance(value, str) else f"{name}=/{value.pattern}/"
        for name, value in criteria.items()
    ]
    return f" with {', '.join(said)}" if said else ""


def explain(
    problem: str,
    mails: Sequence[SentMail],
    criteria: Mapping[str, Any],
    *,
    nearest: bool = True,
) -> str:
    """The problem, what arrived, and which mail comes nearest to what was wanted."""
    lines = [f"{number}. {_row(mail)}" for number, mail in enumerate(mails, 1)]
    text = f"{problem} " + listed("What arrived", lines)
    if nearest and mails and criteria:
        # Of those that are equally near, the newest.
        number, mail = min(
            enumerate(mails, 1),
            key=lambda each: (len(differences(each[1], criteria)), -each[0]),
        )
        if len(missed := differences(mail, criteria)) < len(criteria):
            text += f"\nNearest is {number}, but for: {', '.join(missed)}."
    return text


def _row(mail: SentMail) -> str:
    """Who got it, its subject, who sent it, and through which mailer."""
    subject = mail.subject
    if len(subject) > _WIDTH:
        subject = subject[: _WIDTH - 1] + "…"
    parts = [f"to {', '.join(mail.recipients)}", f'"{subject}"', f"from {mail.from_}"]
    if mail.template:
        parts.append(f"template {mail.template}")
    if mail.using:
        parts.append(f"using {mail.using}")
    return "  ".join(parts)
