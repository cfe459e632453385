"""Look into the built wheel, install it alone in a new environment and use it there.

python tests/distribution/check.py DIRECTORY-WITH-THE-WHEEL
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

REQUIRED = (
    "django_mailplus/py.typed",
    "django_mailplus/doctor/failures.toml",
    "django_mailplus/management/commands/sendtestemail.py",
    "django_mailplus/management/commands/runmailserver.py",
    "django_mailplus/migrations/0001_initial.py",
    "django_mailplus/static/mailplus/verification.css",
    "django_mailplus/templates/mailplus/verification/body.html",
    "dist-info/licenses/LICENSE",
)

SETTINGS = """
import django.core.mail
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_mailplus",
]
SECRET_KEY = "x"
MAILERS = {"default": {"BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                       "OPTIONS": {"host": "localhost"}}}
if not hasattr(django.core.mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
"""


def main() -> None:
    [wheel] = Path(sys.argv[1]).glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    missing = [name for name in REQUIRED if not any(n.endswith(name) for n in names)]
    strangers = [n for n in names if not n.startswith("django_mailplus")]
    strangers = [n for n in strangers if ".dist-info/" not in n]
    if missing or strangers:
        sys.exit(f"{wheel.name}: missing {missing}, not ours {strangers}")
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "project")
        project.mkdir()
        (project / "settings.py").write_text(SETTINGS)
        venv.create(Path(scratch, "venv"), with_pip=True)
        python = str(Path(scratch, "venv", "bin", "python"))
        for command in (
            ["-m", "pip", "install", "--quiet", str(wheel)],
            ["-m", "django", "check", "--settings=settings", "--pythonpath=."],
            [
                "-m",
                "django",
                "sendtestemail",
                "--help",
                "--settings=settings",
                "--pythonpath=.",
            ],
        ):
            subprocess.run([python, *command], cwd=project, check=True)
    print(f"{wheel.name}: {len(names)} files, installs and runs with Django alone.")


if __name__ == "__main__":
    main()
