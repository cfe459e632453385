"""Django's password reset with a templated mail.

path("reset/", PasswordResetView.as_view(form_class=PasswordResetForm))
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import forms
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import reverse

from django_mailplus.pages.links import absolute_url, base_url
from django_mailplus.pages.words import in_words
from django_mailplus.templated.message import TemplatedEmail
from django_mailplus.templated.recipient import writing_for

__all__ = ["PasswordResetForm"]

logger = logging.getLogger(__name__)


class PasswordResetForm(forms.PasswordResetForm):
    """Django's form; its mail is `template`, in the language of who gets it.

    The template has what Django's has (`uid`, `token`, `site_name`, `user` and so on),
    `reset_url` and `expires_in`. Its links begin as those of all our mails do, with the
    host of the request in the last place only. Names of templates that the view gives are
    not looked at. `using` is the alias of a mailer.
    """

    template = "mailplus/password_reset.html"
    using: str | None = None
    _request: HttpRequest | None = None

    def save(self, *args: Any, **how: Any) -> None:
        self._request = how.get("request")
        super().save(*args, **how)

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        """As Django: an error of the mailer is logged, so that nobody sees who is known."""
        user = context["user"]
        base = self._base(context)
        path = reverse(
            "password_reset_confirm",
            kwargs={"uidb64": context["uid"], "token": context["token"]},
        )
        validity = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
        with writing_for(user, None):
            message = TemplatedEmail(
                self.template,
                {
                    **context,
                    "reset_url": absolute_url(base, path),
                    "expires_in": in_words(validity),
                },
                to=to_email,
                request=self._request,
                using=self.using,
                base_url=base,
                from_email=from_email,
            )
        # The link is a key: an outbox erases it once it was sent.
        message.outbox = {"sensitive": True}  # type: ignore[attr-defined]
        try:
            message.send()
        except ImproperlyConfigured:
            raise
        except Exception as error:
            # The text of the error may hold the address.
            logger.error("A password reset was not sent: %s", type(error).__name__)  # noqa: TRY400

    def _base(self, context: dict[str, Any]) -> str:
        """Django has the domain from its arguments, the Site or the request."""
        try:
            return base_url(self._request)
        except ImproperlyConfigured:
            return f"{context['protocol']}://{context['domain']}"
