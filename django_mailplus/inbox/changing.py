"""What happens to caught mails afterwards: the outcome of a delivery, read, deleted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django_mailplus.columns import storable
from django_mailplus.delivery import DeliveryResult
from django_mailplus.inbox.catching import delete
from django_mailplus.inbox.models import CaughtMail, Outcome, database, mails

__all__ = ["clear", "mark_read", "note_delivery", "remove"]

_AT_ONCE = 500  # mails of one transaction
_TOLD = 200  # recipients whose answers are kept


def note_delivery(
    mail: int, result: DeliveryResult | None, error: BaseException | None
) -> None:
    """Keep what became of a mail that was passed on. Raises what the database raises."""
    CaughtMail.objects.using(database()).filter(pk=mail).update(
        outcome=_outcome(result, error), delivery=_document(result, error)
    )


def _outcome(result: DeliveryResult | None, error: BaseException | None) -> Outcome:
    if result is None or not result.recipients:
        return Outcome.ACCEPTED if error is None else Outcome.FAILED
    if not result.refused:
        return Outcome.ACCEPTED
    return Outcome.PARTIAL if result.accepted else Outcome.FAILED


def _document(
    result: DeliveryResult | None, error: BaseException | None
) -> dict[str, Any]:
    told: dict[str, Any] = {} if result is None else asdict(result)
    told["recipients"] = list(told.get("recipients", ()))[:_TOLD]
    if error is not None:
        told["error"] = type(error).__name__
    clean: dict[str, Any] = _storable(told)
    return clean


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value, 1_000)
    if isinstance(value, dict):
        return {name: _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value


def mark_read(mail: int, *, is_read: bool = True) -> int:
    return mails().filter(pk=mail).update(is_read=is_read)


def remove(mail: int) -> int:
    return clear(CaughtMail.objects.using(database()).filter(pk=mail))


def clear(found: Any) -> int:
    """Delete all mails of a query; how many those were."""
    count = 0
    while ids := list(found.values_list("pk", flat=True)[:_AT_ONCE]):
        count += delete(ids)
    return count
