"""A real aiosmtpd for the commands that send."""

from __future__ import annotations

import pytest
from commands.sendtestemail_stage import receiving


@pytest.fixture
def aiosmtpd_server():
    with receiving() as server:
        yield server
