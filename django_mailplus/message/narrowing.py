"""The same mail to fewer people."""

from __future__ import annotations

from collections.abc import Container

from django.core.mail import EmailMessage

from django_mailplus.message.envelope import bare_address, bare_addresses

__all__ = ["leave_out", "narrow"]


def narrow(message: EmailMessage, *, without: Container[str]) -> None:
    """Take addresses out of the envelope, in place; `without` holds them bare.

    What the mail says, its To and Cc included, stays as it was. The headers that keep
    them are named in `mailplus_kept_headers`, for those who cannot send any such.
    """
    written = {name.lower() for name in message.extra_headers}
    kept = []
    for header, addresses in (("To", message.to), ("Cc", message.cc)):
        left = [a for a in addresses if bare_address(a) not in without]
        if len(left) < len(addresses) and header.lower() not in written:
            message.extra_headers[header] = ", ".join(map(str, addresses))
            kept.append(header)
    message.mailplus_kept_headers = kept  # type: ignore[attr-defined]
    leave_out(message, without)


def leave_out(message: EmailMessage, addresses: Container[str]) -> None:
    """Take bare addresses out of the message, in place: out of its To and Cc as well."""
    # "mailplus_recipients" is of a message whose class has a recipients() of its own.
    for name in ("to", "cc", "bcc", "mailplus_recipients"):
        if (everybody := getattr(message, name, None)) is not None:
            left = [a for entry in everybody for a in _left_of(entry, addresses)]
            setattr(message, name, left)


def _left_of(entry: object, addresses: Container[str]) -> list[object]:
    """An entry that holds several is taken apart only where some have to go."""
    found = bare_addresses(entry)
    left = [address for address in found if address not in addresses]
    return [entry] if len(left) == len(found) else [*left]
