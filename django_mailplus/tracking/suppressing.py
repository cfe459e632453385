"""Whom the events of providers put on the do-not-mail list."""

from __future__ import annotations

from collections.abc import Mapping

from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import suppress
from django_mailplus.tracking.rules import Kind

__all__ = ["put_on_list"]

_REASONS: Mapping[Kind, Reason] = {
    "hard": Reason.HARD_BOUNCE,
    "complaint": Reason.COMPLAINT,
    "unsubscribe": Reason.UNSUBSCRIBE,
}


def put_on_list(
    address: str, kind: Kind, *, source: str, detail: str, stream: str = ""
) -> None:
    """At once, if the kind is one that means so; otherwise nothing happens.

    Who unsubscribed gets no more of the `stream` of the mail, or no bulk mail at all
    where that is not known. The others get nothing at all.
    """
    reason = _REASONS.get(kind)
    if reason is not None and "@" in address:
        suppress(address, reason=reason, stream=stream, source=source, detail=detail)
