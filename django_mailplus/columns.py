"""What columns take: names that are the same only if each character is, and any words."""

from __future__ import annotations

from typing import Any

from django.db import models

__all__ = ["ExactCharField", "storable"]


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
