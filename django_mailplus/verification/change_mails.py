"""The links of the mails about a change of address, and whom the old address tells what."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from django.utils import timezone

from django_mailplus import conf
from django_mailplus.pages import links as site
from django_mailplus.pages.words import in_words
from django_mailplus.verification import links
from django_mailplus.verification.addresses import was_reported
from django_mailplus.verification.mailbox import masked
from django_mailplus.verification.mails import Outgoing, VerificationMail
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.sending import link_timeout
from django_mailplus.verification.throttle import claim_address
from django_mailplus.verification.tokens import make_token

__all__ = ["confirm_links", "tell_old_address"]


def confirm_links(outgoing: Outgoing, user: Any, row: EmailAddress) -> dict[str, Any]:
    token = make_token(user, row)
    return {
        "uid": links.uid_of(user),
        "token": token,
        "verify_url": _url(outgoing, "email_change_confirm", user, token),
        "report_url": _url(
            outgoing, "verify_email_report", user, make_token(user, row, "report")
        ),
        "old_email": row.previous_email,
        "expires_at": timezone.now() + link_timeout(),
        "expires_in": in_words(link_timeout()),
    }


def tell_old_address(
    user: Any,
    row: EmailAddress,
    outgoing: Outgoing,
    kind: Literal["change_notice", "changed_notice"],
) -> None:
    """A notice to the old address, which can stop or undo the change if it was proved.

    One that was proved is told in any case: whoever took over the account must not be able
    to use up its allowance. Any other may be some stranger's: it is told within its
    allowance and only when the change is asked for, gets no link, and reads no other
    address.
    """
    if not row.previous_email or not conf.setting("VERIFICATION_NOTIFY_OLD_ADDRESS"):
        return
    proved = row.previous_verified
    if not proved and (
        kind == "changed_notice" or not _may_be_told(user, row.previous_email)
    ):
        return
    outgoing.send(
        VerificationMail(
            kind=kind,
            to=row.previous_email,
            user=user,
            context={"new_email": row.email if proved else masked(row.email)},
            links=partial(_cancel_links, outgoing, user, row),
        )
    )


def _may_be_told(user: Any, address: str) -> bool:
    return not was_reported(user, address) and claim_address(address) is None


def _cancel_links(outgoing: Outgoing, user: Any, row: EmailAddress) -> dict[str, Any]:
    if not row.previous_verified:
        return {"cancel_url": ""}
    token = make_token(user, row, "cancel")
    return {"cancel_url": _url(outgoing, "email_change_cancel", user, token)}


def _url(outgoing: Outgoing, page: str, user: Any, token: str) -> str:
    path = links.page_url(page, links.uid_of(user), token)
    return site.absolute_url(outgoing.base, path)
