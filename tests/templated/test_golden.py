"""Every mail of our own, whole, as it was when somebody last looked at it.

CSS stays in <style> here: where css-inline puts it is css-inline's.
"""

from __future__ import annotations

import pytest

from django_mailplus.previews.finding import find_previews
from django_mailplus.templated import inlining
from django_mailplus.testing import SentMail

OURS = {each.slug: each for each in find_previews() if each.app == "mailplus"}


@pytest.fixture(autouse=True)
def stage(monkeypatch, settings):
    monkeypatch.setattr(inlining, "_inliner", lambda: None)
    settings.MAILPLUS = {"BASE_URL": "https://shop.example.com"}


@pytest.mark.django_db
@pytest.mark.parametrize("slug", OURS)
def test_every_mail_of_ours(slug, mail_snapshot):
    [case] = OURS[slug].cases
    shown = case.show("en")
    assert shown.problem is None
    mail_snapshot(SentMail.of(shown.message))


def test_none_is_forgotten():
    assert len(OURS) == 7
