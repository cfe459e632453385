"""What the events of each provider mean, as tables: knows neither Django nor django-anymail.

The fields and their values are those that the providers document for their webhooks. A
value that stands in no table means nothing to us: nobody is put on a list in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ALSO_CALLED",
    "BY_TYPE",
    "LISTS",
    "NAMES_NOBODY",
    "RULES",
    "SURE",
    "Kind",
    "Rule",
]

Kind = Literal["hard", "soft", "undetermined", "block", "complaint", "unsubscribe", ""]
"""Why a mail is not wanted or not delivered; "" for an event that tells nothing of that.

hard           there is no such mailbox, or not any more
soft           not now: it is full, or its server does not answer
block          a policy, a filter or a list keeps this mail or this sender out
undetermined   not delivered, and nobody can tell why
complaint      the recipient calls it spam
unsubscribe    the recipient wants no more of this kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The values of some fields, in lower case and joined with "/", and what they mean.

    A field is a path with dots into the provider's own event; `*` is the only key there
    is. With `is_status` the value holds an enhanced status code (RFC 3463), which is
    looked for whole, then by its first two numbers, then by its first.
    """

    fields: tuple[str, ...]
    kinds: Mapping[str, Kind]
    is_status: bool = False


def _by(*fields: str, **kinds: tuple[str, ...]) -> Rule:
    """`kinds` has the values of each kind; "nothing" stands for the kind that is none."""
    return Rule(
        fields=fields,
        kinds={
            value: "" if kind == "nothing" else kind  # type: ignore[misc]
            for kind, values in kinds.items()
            for value in values
        },
    )


def _status(field: str) -> Rule:
    return Rule(fields=(field,), kinds=_STATUS, is_status=True)


# RFC 3463 and, for 5.1.10, RFC 7505. Others, such as 5.2.1 and 5.4.1, are used for this
# and for that: there the provider's own word counts.
_STATUS: Mapping[str, Kind] = {
    "5.1.1": "hard",  # no such mailbox
    "5.1.2": "hard",  # no such domain
    "5.1.3": "hard",  # no such syntax
    "5.1.6": "hard",  # has moved
    "5.1.10": "hard",  # the domain takes no mail
    "5.2.2": "soft",  # full
    "5.2.3": "soft",  # too long for it
    "5.6": "block",  # the content
    "5.7": "block",  # a policy
    "4": "soft",
}

BY_TYPE: Mapping[str, tuple[Kind, frozenset[Kind]]] = {
    "bounced": (
        "undetermined",
        frozenset({"hard", "soft", "block", "complaint", "unsubscribe"}),
    ),
    "rejected": (
        "undetermined",
        frozenset({"hard", "soft", "block", "complaint", "unsubscribe"}),
    ),
    "failed": ("undetermined", frozenset({"hard", "soft", "block"})),
    "deferred": ("soft", frozenset({"soft", "block"})),
    "complained": ("undetermined", frozenset({"complaint", "block", ""})),
    "unsubscribed": ("undetermined", frozenset({"unsubscribe", ""})),
}
"""By django-anymail's type of the event: what it means at least, and what rules may make
of it. A mail that is only late never puts anybody on a list. Other types mean nothing."""

SURE = frozenset({"hard", "complaint", "unsubscribe"})
"""The kinds that put somebody on the do-not-mail list."""

ALSO_CALLED: Mapping[str, str] = {"SendinBlue": "Brevo"}

LISTS: Mapping[str, tuple[str, ...]] = {
    "Amazon SES": ("complaint.complainedRecipients",),
    "Resend": ("data.to", "data.cc", "data.bcc"),
}
"""Lists of recipients of whom an event is about one, and does not say which: Amazon names
all at the domain where one complained, Resend all of the message."""

NAMES_NOBODY = frozenset({"Resend"})
"""Whose events do so always, and may leave out who got a blind copy."""

RULES: Mapping[str, tuple[Rule, ...]] = {
    "Amazon SES": (
        _by(
            "complaint.complaintFeedbackType",
            nothing=("not-spam",),  # RFC 5965: taken back
            undetermined=("auth-failure", "virus"),
        ),
        _by(
            "bounce.bounceType",
            "bounce.bounceSubType",
            block=(
                "permanent/suppressed",
                "permanent/onaccountsuppressionlist",  # or for a complaint, or by hand
                "transient/contentrejected",
                "transient/attachmentrejected",
            ),
        ),
        _by("bounce.bounceType", hard=("permanent",), soft=("transient",)),
        _by("eventType", complaint=("complaint",), block=("reject",)),
        _by("notificationType", complaint=("complaint",)),
    ),
    "Brevo": (
        _by(
            "event",
            hard=("hard_bounce", "invalid_email"),
            soft=("soft_bounce", "deferred"),
            block=("blocked",),
            complaint=("spam", "complaint"),
            unsubscribe=("unsubscribe", "unsubscribed"),
        ),
    ),
    "MailerSend": (
        _by(
            "data.type",
            hard=("hard_bounced",),
            soft=("soft_bounced",),
            complaint=("spam_complaint",),
            unsubscribe=("unsubscribed",),
        ),
    ),
    "Mailgun": (
        _by(
            "event-data.reason",
            hard=("suppress-bounce",),
            soft=("greylisted", "old"),
            block=("espblock", "blacklisted"),
            complaint=("suppress-complaint",),
            unsubscribe=("suppress-unsubscribe",),
        ),
        _status("event-data.delivery-status.enhanced-code"),
        _by("event-data.delivery-status.bounce-type", hard=("hard",), soft=("soft",)),
        _by(
            "event-data.severity",
            "event-data.reason",
            hard=("permanent/bounce", "permanent/delayed-bounce"),
        ),
        _by(
            "event-data.event",
            block=("rejected",),
            complaint=("complained",),
            unsubscribe=("unsubscribed",),
        ),
    ),
    "Mailjet": (
        _by(
            "error",
            soft=("quota exceeded", "greylisted"),
            block=(
                "blacklisted",
                "content blocked",
                "duplicate in campaign",
                "policy issue",
                "preblocked",
                "relay/access denied",
                "sender blocked",
                "spam reporter",
            ),
        ),
        _by("event", "hard_bounce", hard=("bounce/true",), soft=("bounce/false",)),
        _by("event", block=("blocked",), complaint=("spam",), unsubscribe=("unsub",)),
    ),
    "Mailtrap": (
        _status("response"),
        _by(
            "event",
            hard=("bounce",),
            soft=("soft bounce",),
            block=("reject", "suspension"),
            complaint=("spam",),
            unsubscribe=("unsubscribe",),
        ),
    ),
    "Mandrill": (
        _by(
            "event",
            hard=("hard_bounce",),
            soft=("soft_bounce", "deferral"),
            complaint=("spam",),
            unsubscribe=("unsub",),
        ),
        *(
            _by(
                field,
                hard=("hard-bounce",),
                soft=("soft-bounce",),
                block=("custom", "rule", "unsigned", "invalid-sender"),
                complaint=("spam",),
                unsubscribe=("unsub",),
            )
            for field in ("reject.reason", "msg.reject.reason")
        ),
    ),
    "Postal": (
        _by("payload.status", soft=("softfail",)),
        _status("payload.output"),
    ),
    "Postmark": (
        _by(
            "Type",
            hard=("hardbounce", "bademailaddress"),
            soft=("softbounce", "transient", "dnserror"),
            block=(
                "blocked",
                "dmarcpolicy",
                "manuallydeactivated",
                "spamnotification",  # of a filter, not of the recipient
                "virusnotification",
            ),
            complaint=("spamcomplaint",),
            unsubscribe=("unsubscribe",),
        ),
        _by(
            "SuppressionReason",
            hard=("hardbounce",),
            complaint=("spamcomplaint",),
            unsubscribe=("manualsuppression",),
        ),
    ),
    "Resend": (
        _by(
            "data.bounce.type",
            "data.bounce.subType",
            block=(
                "permanent/suppressed",
                "permanent/onaccountsuppressionlist",
                "transient/contentrejected",
                "transient/attachmentrejected",
            ),
        ),
        _by("data.bounce.type", hard=("permanent",), soft=("transient", "temporary")),
        _by("type", soft=("email.delivery_delayed",), complaint=("email.complained",)),
    ),
    "SendGrid": (
        _by("event", "type", block=("bounce/blocked", "dropped/blocked")),
        _status("status"),
        _by("event", "type", hard=("bounce/bounce",)),
        _by(
            "event",
            "reason",
            hard=("dropped/bounced address", "dropped/invalid"),
            block=("dropped/spam content",),
            complaint=("dropped/spam reporting address",),
            unsubscribe=("dropped/unsubscribed address",),
        ),
        _by(
            "event",
            soft=("deferred",),
            complaint=("spamreport",),
            unsubscribe=("unsubscribe", "group_unsubscribe"),
        ),
    ),
    "SparkPost": (
        _by("msys.*.fbtype", nothing=("not-spam",)),
        _by(
            "msys.*.bounce_class",
            hard=("10", "30"),
            soft=("20", "21", "22", "23", "24", "40", "70"),
            block=("25", "26", "50", "51", "52", "53", "54"),
            unsubscribe=("90",),
        ),
        _by(
            "msys.*.type",
            soft=("delay",),
            block=("policy_rejection", "generation_rejection"),
            complaint=("spam_complaint",),
            unsubscribe=("list_unsubscribe", "link_unsubscribe"),
        ),
    ),
    "Unisender Go": (
        _by(
            "delivery_info.delivery_status",
            hard=(
                "err_user_unknown",
                "err_user_inactive",
                "err_mailbox_discarded",
                "err_domain_inactive",
            ),
            soft=(
                "err_mailbox_full",
                "err_too_large",
                "err_will_retry",
                "err_destination_misconfigured",
            ),
            block=(
                "err_blacklisted",
                "err_skip_letter",
                "err_spam_rejected",
                "err_spam_removed",
                "err_spam_skipped",
                "err_unreachable",  # not tried, after many failures
            ),
            unsubscribe=("err_unsubscribed",),
        ),
        _by(
            "status",
            soft=("soft_bounced",),
            complaint=("spam",),
            unsubscribe=("unsubscribed",),
        ),
    ),
}
"""Of each provider that django-anymail knows the events of; the first rule that has
something to say counts."""
