"""Whether signatures hold, by an implementation that is not ours."""

from __future__ import annotations

import pytest

from django_mailplus.dkim.keys import Key, dns_record

__all__ = ["holds"]


def holds(message: bytes, *keys: Key) -> bool:
    """Every signature, by the records of these keys, in their order."""
    dkim = pytest.importorskip("dkim", reason="no dkimpy")
    records = dict(map(dns_record, keys))
    checked = dkim.DKIM(message)

    def dns(name, timeout=5):
        return records[name.decode().rstrip(".")].encode()

    try:
        return all(
            checked.verify(idx=number, dnsfunc=dns) for number in range(len(keys))
        )
    except dkim.ValidationError:
        return False
