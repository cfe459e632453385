"""`django.core.mail` as of Django 6.1, on every supported Django.

Import from here and `using="alias"` works everywhere. On Django 6.1 the names are
Django's own objects; on 5.2 and 6.0 they have the same signatures and meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_mailplus.compat import (
    DEFAULT_MAILER_ALIAS,
    NATIVE,
    InvalidMailer,
    MailerDoesNotExist,
    mailers,
    mailers_defined,
)

__all__ = [
    "DEFAULT_MAILER_ALIAS",
    "EmailMessage",
    "EmailMultiAlternatives",
    "InvalidMailer",
    "MailerDoesNotExist",
    "mail_admins",
    "mail_managers",
    "mailers",
    "send_mail",
    "send_mass_mail",
]

if NATIVE or TYPE_CHECKING:
    from django.core.mail import (
        EmailMessage,
        EmailMultiAlternatives,
        mail_admins,
        mail_managers,
        send_mail,
        send_mass_mail,
    )
else:
    from django.conf import settings
    from django.core import mail as django_mail

    def _connection(using, connection=None, **deprecated):
        """The backend that the arguments of a sending function ask for.

        None leaves the choice to Django, as before there were mailers.
        """
        given = [name for name, value in deprecated.items() if value]
        if using is not None:
            if connection is not None:
                given.append("connection")
            for name in given:
                raise TypeError(f"{name!r} is not compatible with 'using'.")
            return mailers[using]
        if connection is not None and given:
            raise TypeError(f"{given[0]!r} cannot be used with a connection.")
        if connection is not None or given or not mailers_defined():
            return connection
        return mailers.default

    def send_mail(
        subject,
        message,
        from_email,
        recipient_list,
        *,
        fail_silently=False,
        auth_user=None,
        auth_password=None,
        connection=None,
        html_message=None,
        using=None,
    ):
        """Send one message to a list of recipients, who see one another in To."""
        deprecated = {
            "fail_silently": fail_silently,
            "auth_user": auth_user,
            "auth_password": auth_password,
        }
        return django_mail.send_mail(
            subject,
            message,
            from_email,
            recipient_list,
            connection=_connection(using, connection, **deprecated),
            html_message=html_message,
            **deprecated,
        )

    def send_mass_mail(
        datatuple,
        *,
        fail_silently=False,
        auth_user=None,
        auth_password=None,
        connection=None,
        using=None,
    ):
        """Send (subject, message, from_email, recipient_list) tuples over one connection."""
        deprecated = {
            "fail_silently": fail_silently,
            "auth_user": auth_user,
            "auth_password": auth_password,
        }
        return django_mail.send_mass_mail(
            datatuple,
            connection=_connection(using, connection, **deprecated),
            **deprecated,
        )

    def mail_admins(
        subject,
        message,
        *,
        fail_silently=False,
        connection=None,
        html_message=None,
        using=None,
    ):
        """Send a message to the ADMINS."""
        if not settings.ADMINS:
            return None  # before a mailer is looked up, as in Django
        return django_mail.mail_admins(
            subject,
            message,
            fail_silently=fail_silently,
            connection=_connection(using, connection, fail_silently=fail_silently),
            html_message=html_message,
        )

    def mail_managers(
        subject,
        message,
        *,
        fail_silently=False,
        connection=None,
        html_message=None,
        using=None,
    ):
        """Send a message to the MANAGERS."""
        if not settings.MANAGERS:
            return None  # before a mailer is looked up, as in Django
        return django_mail.mail_managers(
            subject,
            message,
            fail_silently=fail_silently,
            connection=_connection(using, connection, fail_silently=fail_silently),
            html_message=html_message,
        )

    class EmailMessage(django_mail.EmailMessage):
        """Django's message, with `send(using=...)`."""

        def __init__(self, subject="", body="", from_email=None, to=None, **options):
            super().__init__(subject, body, from_email, to, **options)

        def send(self, fail_silently=False, *, using=None):
            if not self.recipients():
                return 0  # before a connection is made, as in Django
            connection = _connection(
                using, self.connection, fail_silently=fail_silently
            )
            if connection is None:
                return super().send(fail_silently)
            return connection.send_messages([self])

    class EmailMultiAlternatives(EmailMessage, django_mail.EmailMultiAlternatives):
        """Django's message with alternatives, with `send(using=...)`."""
