"""The mails of this room: templates rendered in the reader's language, then handed over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest
from django.urls import get_script_prefix
from django.utils import timezone

from django_mailplus import conf
from django_mailplus.compat import in_transaction
from django_mailplus.mail import EmailMultiAlternatives
from django_mailplus.pages.links import current_site
from django_mailplus.templated import render_mail
from django_mailplus.templated.recipient import writing_for
from django_mailplus.verification.links import page_url
from django_mailplus.verification.models import database

__all__ = ["Kind", "Outgoing", "VerificationMail"]

logger = logging.getLogger(__name__)

Kind = Literal[
    "verify",
    "change",
    "change_notice",
    "changed_notice",
    "account_exists",
    "no_account",
]
"""The template of a mail, in mailplus/verification/mail/."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationMail:
    """What one mail says. Links are filled in by `links`, in the reader's language."""

    kind: Kind
    to: str = field(repr=False)
    user: Any = field(default=None, repr=False)
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    links: Callable[[], Mapping[str, Any]] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """How mails leave: which address their links begin with, by which mailer, in which language."""

    base: str
    request: HttpRequest | None = None
    using: str | None = None
    language: str | None = None

    def send(
        self, mail: VerificationMail, *, then: Callable[[], object] | None = None
    ) -> Literal["sent", "queued", "failed"]:
        """Render now, send after the commit; `then` is called if the mail left.

        A mail that could not be sent is logged, not raised: whether one was sent must
        not show. A mistake in the project (a template, a mailer) is raised.
        """
        message = self.message(mail)
        if in_transaction(database()):

            def send_mail() -> None:  # Django logs the name of what raises
                self._deliver(message, then)

            transaction.on_commit(send_mail, using=database(), robust=True)
            return "queued"
        return "sent" if self._deliver(message, then) else "failed"

    def _deliver(
        self, message: EmailMultiAlternatives, then: Callable[[], object] | None
    ) -> bool:
        using = self.using or conf.setting("VERIFICATION_MAILER") or None
        try:
            sent = message.send(using=using) != 0  # None: the backend does not say
        except ImproperlyConfigured:
            raise
        except Exception as error:
            # The text of the error may hold the address.
            logger.error("A verification mail was not sent: %s", type(error).__name__)  # noqa: TRY400
            return False
        if not sent:
            logger.error("A verification mail was not sent: its mailer sent nothing")
        elif then is not None:
            then()
        return sent

    def message(self, mail: VerificationMail) -> EmailMultiAlternatives:
        """It, rendered and not sent."""
        with writing_for(mail.user, self.language):
            about = {"email": mail.to, "user": mail.user}
            message = render_mail(
                f"mailplus/verification/mail/{mail.kind}.html",
                {**self._site(), **mail.links(), **mail.context, **about},
                to=mail.to,
                request=self.request,
                base_url=self.base,
            )
        # Links and codes are keys: an outbox erases them once they were sent.
        message.outbox = {"sensitive": True}  # type: ignore[attr-defined]
        return message

    def _site(self) -> dict[str, Any]:
        base, site = urlsplit(self.base), current_site(self.request)
        return {
            "domain": base.netloc,
            "protocol": base.scheme,
            "site_name": base.netloc if site is None else site.name,
            "site_url": self.base + get_script_prefix(),
            "request_time": timezone.now(),
            "resend_url": self.base + page_url("verify_email_resend"),
        }
