"""A project whose mail is caught, and whoever looks at it."""

from __future__ import annotations

import pytest
from inbox_stage import INBOX


@pytest.fixture(autouse=True)
def caught(with_mailers):
    with_mailers({"default": {"BACKEND": INBOX}})


@pytest.fixture
def developer(client, settings):
    """The browser of whoever reaches a site with DEBUG."""
    settings.DEBUG = True
    return client
