"""What the calls of all providers have: a moment, and JSON as their content."""

from __future__ import annotations

import json
from datetime import UTC, datetime

__all__ = ["ISO", "MOMENT", "as_json"]

MOMENT = 1_780_000_000  # seconds
ISO = datetime.fromtimestamp(MOMENT, UTC).isoformat().replace("+00:00", "Z")


def as_json(path, body, **headers):
    """The path of the webhook, its body, the type of that, and its headers."""
    return path, json.dumps(body).encode(), "application/json", headers
