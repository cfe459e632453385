"""Whoever has no django-anymail among the apps pays nothing for it."""

from __future__ import annotations

import subprocess
import sys

PROJECT = """
import sys
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x",
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django_mailplus", *{apps!r}
    ],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
)
django.setup()
names = ("anymail", "django_mailplus.tracking.receiving")
print(*[name for name in names if name in sys.modules])
if {apps!r}:
    from anymail.signals import post_send, pre_send, tracking
    from django_mailplus.tracking.receiving import connect

    connect()
    print(*[len(signal.receivers) for signal in (pre_send, post_send, tracking)])
"""


def started(*apps):
    run = [sys.executable, "-c", PROJECT.format(apps=list(apps))]
    result = subprocess.run(run, capture_output=True, text=True, check=True)
    return result.stdout.split()


def test_without_it_nothing_of_it_is_imported():
    assert started() == []


def test_with_it_each_signal_is_heard_once():
    assert started("anymail") == [
        "anymail",
        "django_mailplus.tracking.receiving",
        "1",
        "1",
        "1",
    ]
