"""What stands in the link of a mail: one address and one stream, signed.

It works for as long as SECRET_KEY is known, also among SECRET_KEY_FALLBACKS: people
unsubscribe by mails that are years old.
"""

from __future__ import annotations

from django.core import signing

__all__ = ["make_token", "read_token"]

_SALT = "django_mailplus.suppression.unsubscribe"


def make_token(address: str, stream: str) -> str:
    return signing.Signer(salt=_SALT).sign_object([address, stream])


def read_token(token: str) -> tuple[str, str] | None:
    """The address and the stream; None for a token that is not of this site."""
    try:
        address, stream = signing.Signer(salt=_SALT).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(address), str(stream)
