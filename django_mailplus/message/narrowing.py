"""The same mail to fewer people: what it says, its To and Cc included, stays as it was."""

from __future__ import annotations

from collections.abc import Container

from django.core.mail import EmailMessage

from django_mailplus.message.envelope import bare_address

__all__ = ["narrow"]


def narrow(message: EmailMessage, *, without: Container[str]) -> None:
    """Take addresses out of the envelope, in place; `without` holds them bare."""
    written = {name.lower() for name in message.extra_headers}
    for header, addresses in (("To", message.to), ("Cc", message.cc)):
        left = [a for a in addresses if bare_address(a) not in without]
        if len(left) < len(addresses) and header.lower() not in written:
            message.extra_headers[header] = ", ".join(map(str, addresses))
    # "mailplus_recipients" is of a message whose class has a recipients() of its own.
    for name in ("to", "cc", "bcc", "mailplus_recipients"):
        if (everybody := getattr(message, name, None)) is not None:
            setattr(
                message, name, [a for a in everybody if bare_address(a) not in without]
            )
