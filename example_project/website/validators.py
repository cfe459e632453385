"""What a visitor's text must be before it may come near a mail header."""

from __future__ import annotations

import email.policy
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode


def validate_single_line(value: str) -> None:
    """Refuse line breaks and other control characters: the stuff of header injection."""
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in value):
        raise ValidationError(
            "Please write this on one line, without control characters."
        )


def validate_mailbox(value: str) -> None:
    """Refuse what is not exactly one address once it stands in a header.

    Django's own validator follows the grammar of RFC 5321, which permits quoted local parts with
    spaces and control characters. Mail programs do not agree on what those mean.
    """
    validate_single_line(value)
    validate_email(value)
    try:
        header = email.policy.SMTP.header_factory("Reply-To", value)
        (address,) = header.addresses
        fits = not header.defects and address.addr_spec == value
        punycode(address.domain)  # as Django writes it; may get too long
    except (ValueError, IndexError):  # IndexError: the parser, on malformed ones
        fits = False
    if not fits:
        raise ValidationError("Enter a valid email address.", code="invalid")
