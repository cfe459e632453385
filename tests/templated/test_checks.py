"""The system checks of templated mail."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

from django_mailplus.templated import checks


def ids(*, deploy=False):
    found = run_checks(tags=["mail"], include_deployment_checks=deploy)
    return [each.id for each in found if each.id in ("mailplus.E080", "mailplus.W080")]


def test_a_colour_that_is_none(settings):
    settings.MAILPLUS = {"MAIL_ACCENT_COLOR": "blue"}
    [found] = [each for each in run_checks(tags=["mail"]) if each.id == "mailplus.E080"]
    assert found.msg == "MAILPLUS['MAIL_ACCENT_COLOR'] is 'blue'."
    assert found.hint.startswith("Write a colour as #rrggbb")
    settings.MAILPLUS = {"MAIL_ACCENT_COLOR": "#0000ff"}
    assert ids() == []
    settings.MAILPLUS = {"MAIL_ACCENT_COLOR": 7}  # E007 says that
    assert ids() == []


@pytest.mark.parametrize(
    ("path", "content", "warned"),
    [
        ("mail/a.html", "{% extends 'mailplus/layout.html' %}", True),
        ("mail/b/c.html", "{% load mailplus %}", True),
        ("mail/d.html", "<p>Grüße</p>", False),
        ("pages/e.html", "{% load mailplus %}", False),
    ],
)
def test_css_that_nobody_inlines(templates, monkeypatch, path, content, warned):
    templates(path, content)
    monkeypatch.setattr(checks, "can_inline", lambda: False)
    assert ids(deploy=True) == (["mailplus.W080"] if warned else [])
    assert ids() == []
    monkeypatch.setattr(checks, "can_inline", lambda: True)
    assert ids(deploy=True) == []
