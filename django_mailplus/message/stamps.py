"""The Date and the Message-ID that Django would give a message now."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime, tzinfo
from email.utils import format_datetime, formatdate, make_msgid

from django.core.mail.utils import DNS_NAME
from django.utils.timezone import get_current_timezone

from django_mailplus.compat import MODERN_MIME, email_in_local_time

__all__ = ["new_date", "new_message_id"]


def new_date() -> str:
    """In UTC, or in local time with EMAIL_USE_LOCALTIME.

    Local is the current time zone since Django 6.0, that of the process before; and
    UTC is written +0000 since then, -0000 before.
    """
    local = email_in_local_time()
    if not MODERN_MIME:
        return formatdate(localtime=local)
    return _written(int(time.time()), get_current_timezone() if local else UTC)


@functools.lru_cache(maxsize=8)  # a batch is of one second, or of a few
def _written(second: int, zone: tzinfo) -> str:
    return format_datetime(datetime.fromtimestamp(second, zone))


def new_message_id() -> str:
    return make_msgid(domain=str(DNS_NAME))
