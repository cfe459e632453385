"""What columns take: names that are the same only if each character is, any words, moments."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

__all__ = ["ExactCharField", "in_columns", "storable"]


class ExactCharField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Compared character by character on every database.

    MySQL and MariaDB otherwise take "aBc", "AbC" and "abc " for one.
    """

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            # Their other binary collations overlook spaces at the end.
            parameters["collation"] = (
                "utf8mb4_nopad_bin"
                if connection.mysql_is_mariadb
                else "utf8mb4_0900_bin"
            )
        return parameters


def storable(said: str, longest: int | None) -> str:
    """Words of whatever kind as every database takes them, so that nothing is lost."""
    if not said.isprintable():
        said = said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return said[:longest]


def in_columns(moment: datetime.datetime | None) -> datetime.datetime | None:
    """A moment as USE_TZ has it; one without a zone is in that of the project, as in Django."""
    if moment is None or timezone.is_aware(moment) == bool(settings.USE_TZ):
        return moment
    change = timezone.make_aware if settings.USE_TZ else timezone.make_naive
    return change(moment, timezone.get_default_timezone())
