"""The mailers of the settings, all of which send to one server on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["HOST", "sending_to"]

HOST = "127.0.0.1"


def sending_to(port: int, mailers: Mapping[str, Any]) -> dict[str, Any]:
    """So the demo sends nothing to the world, whatever `.env` says.

    The mailer that is broken on purpose stays as it is, and so do those that lead to others.
    """
    local = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": HOST, "port": port},
    }
    return {
        alias: config
        if alias == "unreachable" or "using" in config.get("OPTIONS", {})
        else local
        for alias, config in mailers.items()
    }
