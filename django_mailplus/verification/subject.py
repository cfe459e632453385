"""What a token generator is shown in the place of the user.

What Django's generator hashes is right for a password reset and too little to prove an
address: nothing stands between the fields, a login ends the token, and it opens the
password reset as well. The subject separates the fields with NUL, which none of them can
hold, leaves the login out, and adds what the token is for.
"""

from __future__ import annotations

from typing import Any

from django_mailplus.templated.recipient import email_field_of

__all__ = ["Subject"]


class Subject:
    """A user as far as one purpose, one address and one nonce are concerned.

    Everything but the key, the address and the last login is the user's own, so that
    generators that hash more, such as `is_active`, keep working. `outlives_password` is
    for links of a mailbox's owner against whoever holds the account.
    """

    def __init__(
        self,
        user: Any,
        *,
        purpose: str,
        email: str,
        nonce: str,
        outlives_password: bool = False,
    ) -> None:
        self._user = user
        self._email_field = email_field_of(user)
        key = user._meta.pk.value_to_string(user)
        self.pk = self.id = "\0".join((purpose, key, nonce, ""))
        self.password = (
            "" if outlives_password else str(getattr(user, "password", "") or "")
        )
        self.last_login = None  # a login between the mail and the click changes nothing
        setattr(self, self._email_field, f"\0{email}")

    def get_email_field_name(self) -> str:
        return self._email_field

    def __getattr__(self, name: str) -> Any:
        return getattr(self._user, name)
