"""Where else a proof is noted: MAILPLUS["VERIFICATION_STORE"].

The table stays the truth. A field of the user says less: it stays ticked when the address
is changed elsewhere.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import models
from django.utils import timezone

from django_mailplus import conf

__all__ = ["field_agrees", "note"]


def _store_field() -> models.Field[Any, Any] | None:
    kind, _, name = conf.setting("VERIFICATION_STORE").partition(":")
    if kind != "field":
        return None
    try:
        return get_user_model()._meta.get_field(name)  # type: ignore[return-value]
    except FieldDoesNotExist as error:
        raise ImproperlyConfigured(
            f"MAILPLUS['VERIFICATION_STORE']: the user model has no field {name!r}."
        ) from error


def field_agrees(user: Any) -> bool:
    """False when the project keeps a field and it says no: unticking it is enough."""
    field = _store_field()
    return field is None or bool(getattr(user, field.attname))


def note(user: Any, *, verified: bool, activate: bool = False) -> None:
    changed = []
    if (field := _store_field()) is not None:
        no = None if field.null else False
        yes = timezone.now() if isinstance(field, models.DateTimeField) else True
        if bool(getattr(user, field.attname)) != verified:  # keeps an earlier date
            setattr(user, field.attname, yes if verified else no)
            changed.append(field.attname)
    if activate:
        user.is_active = True
        changed.append("is_active")
    if changed:
        user.save(update_fields=changed)
