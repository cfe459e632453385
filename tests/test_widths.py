"""How many columns a text takes, and where a terminal cuts it."""

from __future__ import annotations

import pytest

from django_mailplus.management.terminal import cut
from django_mailplus.widths import width_of


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("Zoë", 3),
        ("e\u0301", 1),
        ("日本語", 6),
        ("👩🏽\u200d💻", 2),
        ("👨\u200d👩\u200d👧", 2),
        ("a\u200bb", 2),
    ],
)
def test_wide_characters_take_two_columns_and_what_is_joined_takes_none(text, width):
    assert width_of(text) == width


def test_what_is_cut_is_no_wider_than_asked():
    assert cut("日本語", 6) == "日本語"
    assert cut("日本語", 5) == "日本…"
    assert cut("日本語", 4) == "日…"
    assert cut("👨\u200d👩\u200d👧 family", 4) == "👨\u200d👩\u200d👧 …"
    assert cut("日本語", 0) == ""
