"""The streams that go to many, which people may leave: MAILPLUS["BULK_STREAMS"].

Mail of all other streams, or of none, is transactional: somebody did something and waits
for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from django_mailplus import conf

__all__ = ["bulk_streams", "is_bulk"]


def bulk_streams() -> Mapping[str, str]:
    """Their names, and what people call them."""
    configured: object = conf.setting("BULK_STREAMS")
    return configured if isinstance(configured, Mapping) else {}


def is_bulk(stream: str) -> bool:
    return stream in bulk_streams()
