"""Delete what is no longer needed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from django_mailplus.verification.throttle import prune


class Command(BaseCommand):
    help = "Deletes rows that no longer serve anything. Run it once a day."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{prune()} sending allowances deleted.")
