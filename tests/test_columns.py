"""Moments stand in columns as USE_TZ has it, in the time zone of the project."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from django_mailplus.columns import in_columns

IN_UTC = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
IN_KATHMANDU = datetime(2026, 7, 1, 15, 45)  # noqa: DTZ001 (what it is about)


@pytest.fixture(params=[True, False], ids=["USE_TZ", "no USE_TZ"])
def uses_zones(request, settings):
    """Whoever asks is in another zone: that of the visitor."""
    settings.TIME_ZONE = "Asia/Kathmandu"
    settings.USE_TZ = request.param
    with timezone.override("America/St_Johns"):
        yield request.param


@pytest.mark.parametrize("moment", [IN_UTC, IN_KATHMANDU])
def test_a_moment_is_the_same_however_it_is_given(uses_zones, moment):
    stored = in_columns(moment)
    assert timezone.is_aware(stored) == uses_zones
    assert stored == (IN_UTC if uses_zones else IN_KATHMANDU)


def test_no_moment_is_none(uses_zones):
    assert in_columns(None) is None
