"""What a process remembers of its mailers is forgotten when a test overrides their settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.signals import setting_changed

__all__ = ["forgotten_with"]

Forget = Callable[[], None]


def forgotten_with(*settings: str) -> Callable[[Forget], Forget]:
    """Decorates what is called after each change of one of these settings."""

    def decorated(forget: Forget) -> Forget:
        def changed(*, setting: str, **_: Any) -> None:
            if setting in settings:
                forget()

        setting_changed.connect(changed, weak=False)
        return forget

    return decorated
