"""Fixtures for tests against a real Postfix, where there is one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest
from django.core.mail import EmailMessage
from smtp import postfix_stage

from django_mailplus.backends import smtp
from django_mailplus.smtp.pool import drain_all


@pytest.fixture(scope="session")
def _postfix() -> None:
    if reason := postfix_stage.missing():
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail(f"The tests against Postfix: {reason}.")
        pytest.skip(reason)


@pytest.fixture
def start(_postfix: None) -> Iterator[postfix_stage.Start]:
    """Start a Postfix with settings of its main.cf; it ends with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(postfix_stage.running(**settings))
        drain_all()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What `to_bytes()` wrote for the SMTP backend: boundaries differ each time.

    With the line end that SMTP needs before the dot, which Django 5.2 leaves out.
    """
    texts: list[bytes] = []

    def to_bytes(message: EmailMessage) -> bytes:
        text = real(message)
        texts.append(text if text.endswith(b"\r\n") else text + b"\r\n")
        return text

    real = smtp.to_bytes
    monkeypatch.setattr(smtp, "to_bytes", to_bytes)
    return texts
