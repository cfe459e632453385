"""Columns for names that are the same only if each character is."""

from __future__ import annotations

from typing import Any

from django.db import models

__all__ = ["ExactCharField"]


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
