"""What became of each recipient of a test mail, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from django_mailplus.delivery import DeliveryResult, RecipientResult
from django_mailplus.doctor import report

__all__ = ["has_answers", "is_kept_back", "left_out", "outcome", "verdict"]

_VERDICTS = {
    "accepted": "accepted",
    "transient": "refused for now",
    "permanent": "refused",
    "unknown": "perhaps sent",
    "suppressed": "kept back",
}
_REFUSED = ("transient", "permanent")


def verdict(recipient: RecipientResult) -> str:
    if recipient.code is None and recipient.kind in _REFUSED:
        return "not sent"
    return _VERDICTS[recipient.kind]


def has_answers(result: DeliveryResult | None) -> TypeGuard[DeliveryResult]:
    """Whether there is more to say of somebody than that nothing was sent: after a failed
    login, for example, there is not.
    """
    return result is not None and any(
        r.kind not in _REFUSED or r.code is not None for r in result.recipients
    )


def is_kept_back(recipient: RecipientResult) -> bool:
    """By a mailer of ours, and on purpose."""
    return recipient.kind == "suppressed"


def outcome(result: DeliveryResult | None) -> str:
    kinds = {recipient.kind for recipient in result.recipients} if result else set()
    if "unknown" in kinds:
        return "nobody knows whether the mail was sent."
    if kinds == {"accepted", "suppressed"}:
        return "some recipients were kept back."
    if "accepted" in kinds:
        return "some recipients were refused."
    return "the mail was not sent."


def left_out(result: DeliveryResult | None) -> Iterator[tuple[str, str]]:
    """Rows: who was refused, who was kept back and why, and of a mail that some have got,
    whom no server was asked about.
    """
    recipients = result.recipients if result else ()
    groups: dict[str, list[RecipientResult]] = {}
    for recipient in recipients:
        groups.setdefault(verdict(recipient), []).append(recipient)
    refused = groups.get("refused for now", []) + groups.get("refused", [])
    unsent = groups.get("not sent", []) if "accepted" in groups else []
    kept = groups.get("kept back", [])
    for label, some in (("Refused", refused), ("Not sent", unsent), ("Kept", kept)):
        if some:
            names = ", ".join(recipient.address for recipient in some)
            yield label, f"{len(some)} of {len(recipients)} recipients: {names}"
    if kept:
        yield "Reason", report.one_line("; ".join({r.text: None for r in kept}))
