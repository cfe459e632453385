"""What a command says when the database fails, in one place for all of them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from django_mailplus.outbox.outage import fault_of

__all__ = ["DatabaseCommand"]


class DatabaseCommand(BaseCommand):
    """Where the database cannot be used it says why and what to do, in one line."""

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute(*args, **options)
        except Error as error:
            if not (fault := fault_of(error)):
                raise  # a mistake of ours, which a traceback tells best
            raise CommandError(fault) from error
