"""Several mailers in order: the first that works sends, and the others stand by."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage

from django_mailplus.backends.base import RouterBackend

__all__ = ["EmailBackend"]


class EmailBackend(RouterBackend):
    """Sends through the first mailer in `using` that is not down; see `RouterBackend`.

    As soon as an earlier one works again, it is used again.
    """

    def choose(self, message: EmailMessage) -> Sequence[str | None]:
        return self.using
