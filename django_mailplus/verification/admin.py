"""Addresses in the admin: to look at, to mail again, to take a proof back."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_mailplus.templated.recipient import email_of
from django_mailplus.verification.addresses import unverify_email_address
from django_mailplus.verification.mailbox import same_mailbox
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.sending import send_verification_email

__all__ = ["EmailAddressAdmin"]


@admin.register(EmailAddress)
class EmailAddressAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Read-only: a proof is made by its owner, never by ticking a box."""

    list_display = (
        "email",
        "user",
        "purpose",
        "is_verified",
        "verified_at",
        "created_at",
    )
    list_filter = ("purpose", ("verified_at", admin.EmptyFieldListFilter))
    search_fields = ("email",)
    list_select_related = ("user",)
    date_hierarchy = "created_at"
    fields = (
        "user",
        "email",
        "purpose",
        "language",
        "created_at",
        "verified_at",
        "reported_at",
        "activates_user",
    )
    readonly_fields = fields
    actions = ("send_again", "unverify")

    @admin.display(boolean=True, description=_("verified"))
    def is_verified(self, address: EmailAddress) -> bool:
        return address.verified_at is not None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(
        description=_("Send another verification mail"), permissions=["change"]
    )
    def send_again(self, request: HttpRequest, rows: QuerySet[EmailAddress]) -> None:
        sent = failed = others = 0
        for row in rows.select_related("user"):
            current = same_mailbox(row.email, email_of(row.user))
            if row.purpose == "verify" and current:
                result = send_verification_email(
                    row.user, request=request, language=row.language or None
                )
                sent += result.status in ("sent", "queued")
                failed += result.status == "failed"
                others += result.status not in ("sent", "queued", "failed")
            else:
                others += 1
        if sent:
            message = ngettext("%d mail was sent.", "%d mails were sent.", sent) % sent
            self.message_user(request, message, messages.SUCCESS)
        if failed:
            message = ngettext(
                "%d mail could not be sent; the log says why.",
                "%d mails could not be sent; the log says why.",
                failed,
            )
            self.message_user(request, message % failed, messages.ERROR)
        if others:
            message = ngettext(
                "%d address was left out: verified, mailed a moment ago, reported, or not "
                "the current one.",
                "%d addresses were left out: verified, mailed a moment ago, reported, or "
                "not the current ones.",
                others,
            )
            self.message_user(request, message % others, messages.WARNING)

    @admin.action(description=_("Take the proof back"), permissions=["change"])
    def unverify(self, request: HttpRequest, rows: QuerySet[EmailAddress]) -> None:
        for row in rows.select_related("user"):
            unverify_email_address(row.user, row.email, purpose=row.purpose)
        self.message_user(
            request,
            _("Done. Links that were mailed before no longer work."),
            messages.SUCCESS,
        )
