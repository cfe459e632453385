"""A project may do without the admin; one without users is told what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

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

WITHOUT_ADMIN = """
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


WITHOUT_USERS = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check"])
"""


def run(folder, script, settings=SETTINGS):
    (folder / "lean_settings.py").write_text(settings)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "DJANGO_SETTINGS_MODULE": "lean_settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_outbox_and_its_monitor_work_without_the_admin(tmp_path):
    done = run(tmp_path, WITHOUT_ADMIN)
    assert done.returncode == 0, done.stderr


def test_without_users_the_check_says_what_to_install(tmp_path):
    without = SETTINGS.replace(
        '"django.contrib.auth", "django.contrib.contenttypes", ', ""
    )
    assert without != SETTINGS
    done = run(tmp_path, WITHOUT_USERS, without)
    assert done.returncode == 1
    assert "mailplus.E035" in done.stderr
    assert "Add 'django.contrib.auth' and 'django.contrib.contenttypes'" in done.stderr
