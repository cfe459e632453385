"""The time of the database, which all hosts share, as it stands in its columns."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

__all__ = ["DatabaseNow", "seconds_ahead"]


class DatabaseNow(Now):
    """Django's `Now()` in the time zone in which the columns are written.

    Django writes UTC with USE_TZ and local time without. MySQL answers in the zone of
    its server, and SQLite in UTC, whatever the project says.
    """

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Its server need not know the zones by name, which CONVERT_TZ asks for.
        template = f"TIMESTAMPADD(SECOND, {seconds_ahead():d}, UTC_TIMESTAMP(6))"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        zone = "" if settings.USE_TZ else ", 'localtime'"
        template = f"STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW'{zone})"
        return self.as_sql(compiler, connection, template=template, **context)


def seconds_ahead() -> int:
    """How far the times in the columns are ahead of UTC; without USE_TZ not all year the same."""
    return 0 if settings.USE_TZ else time.localtime().tm_gmtoff
