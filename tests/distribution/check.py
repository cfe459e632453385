"""Look into what was built, install the wheel alone in a new environment and use it there.

python tests/distribution/check.py DIRECTORY-WITH-WHEEL-AND-SDIST
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = tuple(
    path.with_suffix(suffix).relative_to(ROOT).as_posix()
    for path in sorted(ROOT.glob("django_mailplus/locale/*/LC_MESSAGES/django.po"))
    for suffix in (".po", ".mo")
)
REQUIRED = (
    "django_mailplus/py.typed",
    "django_mailplus/doctor/failures.toml",
    "django_mailplus/management/commands/sendtestemail.py",
    "django_mailplus/management/commands/runmailserver.py",
    "django_mailplus/migrations/0001_initial.py",
    "django_mailplus/static/mailplus/inbox.js",
    "django_mailplus/static/mailplus/pages.css",
    "django_mailplus/templates/mailplus/layout.html",
    "django_mailplus/viewer/verdict/LICENSE.caniemail",
    "django_mailplus/viewer/verdict/caniemail.json",
    "dist-info/licenses/LICENSE",
    *CATALOGUES,
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

IN_GERMAN = """
import django
from django.utils import translation
django.setup()
with translation.override("de"):
    assert translation.gettext("Confirm my address") == "Adresse bestätigen"
"""


def main() -> None:
    [wheel] = Path(sys.argv[1]).glob("*.whl")
    [sdist] = Path(sys.argv[1]).glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    if absent := _missing(CATALOGUES, names):
        sys.exit(f"{sdist.name}: missing {absent}")
    names = zipfile.ZipFile(wheel).namelist()
    missing = _missing(REQUIRED, names)
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
            ["-c", IN_GERMAN],
        ):
            subprocess.run(
                [python, *command],
                cwd=project,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": "settings"},
                check=True,
            )
    print(f"{wheel.name}: {len(names)} files, installs and runs with Django alone.")


def _missing(required: Iterable[str], names: Sequence[str]) -> list[str]:
    return [name for name in required if not any(n.endswith(name) for n in names)]


if __name__ == "__main__":
    main()
