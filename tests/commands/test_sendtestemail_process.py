"""sendtestemail as a process: exit code, stderr, and projects with EMAIL_ settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands.sendtestemail_stage import PASSWORD, SMTP, google, mailer
from scripted_server import ScriptedServer

from django_mailplus.compat import NATIVE

SETTINGS = """
from __future__ import annotations
SECRET_KEY = "x"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_mailplus",
]
USE_TZ = True
DEFAULT_FROM_EMAIL = "shop@example.com"
"""


def run(tmp_path: Path, extra: str, *args: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "shop_settings.py").write_text(SETTINGS + extra, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [
            sys.executable, "-W", "error", "-W", "error::PendingDeprecationWarning",
            "-m", "django", "sendtestemail", *args,
        ],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "shop_settings",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)]),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip


def mailers_setting(server, **options) -> str:
    setting = f"MAILERS = {{'default': {mailer(server, **options)!r}}}\n"
    if not NATIVE:
        setting += "EMAIL_BACKEND = 'django_mailplus.backends.default.EmailBackend'\n"
    return setting


def email_settings(server) -> str:
    # Django 6.1 announces with a warning of its own that these settings will go.
    silence = (
        "import warnings\nwarnings.simplefilter('ignore', PendingDeprecationWarning)\n"
    )
    return (
        (silence if NATIVE else "")
        + f"EMAIL_HOST = {server.host!r}\nEMAIL_PORT = {server.port}\n"
        + "EMAIL_HOST_USER = 'me'\nEMAIL_HOST_PASSWORD = 'hunter2 correct-horse'\n"
    )


def test_success_exits_0_with_nothing_on_stderr(tmp_path, server):
    done = run(tmp_path, mailers_setting(server), "a@example.com")
    assert (done.returncode, done.stderr) == (0, "")
    assert "queued as ABC123" in done.stdout


def test_failure_exits_1_without_a_traceback(tmp_path):
    with google() as server:
        done = run(
            tmp_path,
            mailers_setting(server, username="me", password=PASSWORD),
            "a@example.com",
        )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "CommandError: default: Google wants an app password."
    )
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_with_traceback_the_original_error_is_shown(tmp_path):
    with google() as server:
        done = run(
            tmp_path,
            mailers_setting(server, username="me", password=PASSWORD),
            "a@example.com",
            "--traceback",
        )
    assert done.returncode == 1
    assert "smtplib.SMTPAuthenticationError: (534" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "backend", [SMTP, "django.core.mail.backends.smtp.EmailBackend"]
)
def test_projects_with_email_settings_are_served_too(tmp_path, backend):
    with ScriptedServer(ehlo="250-test\n250 AUTH PLAIN", auth="535 5.7.8 no") as server:
        done = run(
            tmp_path,
            email_settings(server) + f"EMAIL_BACKEND = {backend!r}\n",
            "a@example.com",
        )
    assert done.returncode == 1
    flat = " ".join(done.stderr.split())
    assert "CommandError: default: the server does not accept the password" in flat
    assert "Remove the white space from EMAIL_HOST_PASSWORD." in flat
    assert PASSWORD not in done.stdout + done.stderr


def test_projects_with_email_settings_can_send(tmp_path):
    with ScriptedServer(ehlo="250-test\n250 AUTH PLAIN") as server:
        extra = email_settings(server) + f"EMAIL_BACKEND = {SMTP!r}\n"
        done = run(tmp_path, extra, "a@example.com", "--trace")
    assert (done.returncode, done.stderr) == (0, "")
    assert "queued as ABC123" in done.stdout
    assert PASSWORD not in done.stdout
