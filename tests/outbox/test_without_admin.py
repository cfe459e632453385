"""A project without the admin has an outbox, and a monitor that watches it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

SETTINGS = """
SECRET_KEY = "of the test alone"
ROOT_URLCONF = "lean_settings"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django_mailplus",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
ALLOWED_HOSTS = ["testserver"]

def __getattr__(name):
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import include, path
    return [path("mail/", include("django_mailplus.outbox.urls"))]
"""

SCRIPT = """
import importlib, pkgutil, sys
import django
django.setup()
from django.core.management import call_command
from django.test import Client
import django_mailplus.outbox
for module in pkgutil.iter_modules(django_mailplus.outbox.__path__):
    if module.name != "admin":  # which Django asks for with the admin only
        importlib.import_module("django_mailplus.outbox." + module.name)
call_command("check")
call_command("migrate", verbosity=0)
for page in ("health", "metrics"):
    assert Client().get(f"/mail/{page}/").status_code == 200, page
"""


def test_all_works_without_it(tmp_path):
    (tmp_path / "lean_settings.py").write_text(SETTINGS)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "DJANGO_SETTINGS_MODULE": "lean_settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
