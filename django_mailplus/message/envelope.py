"""Who a message goes to, apart from what it says (RFC 5321 section 2.3.1)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from email.utils import getaddresses, parseaddr

from django.core.mail import EmailMessage

from django_mailplus.compat import plain_address

__all__ = [
    "Envelope",
    "bare_address",
    "bare_addresses",
    "domain_of",
    "domain_on_wire",
    "envelope_of",
    "everybody",
]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Envelope:
    mail_from: str
    rcpt_to: tuple[str, ...]

    def __repr__(self) -> str:  # addresses stay out of logs
        return f"<Envelope to {len(self.rcpt_to)}>"


def envelope_of(message: EmailMessage) -> Envelope:
    """The bare addresses of a message, as written; see `bare_address`."""
    return Envelope(
        mail_from=bare_address(message.from_email),
        rcpt_to=tuple(bare_address(address) for address in message.recipients()),
    )


def bare_address(address: object) -> str:
    """The address without a name.

    One that cannot be read stands as it was given: to send it is an error, to report
    about it is not.
    """
    if (plain := plain_address(address)) is not None:
        return plain
    text = str(address)
    return parseaddr(text)[1] or text


def everybody(message: EmailMessage) -> tuple[str, ...]:
    """The bare addresses of all who get a message, whoever reads its entries."""
    entries = message.recipients()
    return tuple(address for entry in entries for address in bare_addresses(entry))


def bare_addresses(entry: object) -> list[str]:
    """One, as a rule. Django's SMTP backend refuses an entry of several, or a group; the
    API of a provider takes it apart.
    """
    if (plain := plain_address(entry)) is not None:
        return [plain]
    found = [address for _, address in getaddresses([str(entry)])]
    return found if len(found) > 1 and all(found) else [bare_address(entry)]


def domain_of(address: str) -> str:
    """The domain of a bare address, in small letters; "" if there is none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def domain_on_wire(address: str) -> str:
    """The same in IDNA (RFC 5891), as it is sent: to be compared with others."""
    domain = domain_of(address).rstrip(".")
    if not domain.isascii():
        with contextlib.suppress(UnicodeError):  # to send it would be an error
            return domain.encode("idna").decode()
    return domain
