"""Whom the events of providers put on the do-not-mail list."""

from __future__ import annotations

from django_mailplus.tracking.rules import Kind

__all__ = ["put_on_list"]


def put_on_list(
    address: str, kind: Kind, *, source: str, detail: str, stream: str = ""
) -> None:
    """For good, if the kind is one that means so; otherwise nothing happens.

    Who unsubscribed gets no more of the `stream` of the mail, or no bulk mail at all
    where that is not known. The others get nothing at all.
    """
