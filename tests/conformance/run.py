"""Run Django's own mail tests with our SMTP backend in the place of Django's.

    python tests/conformance/run.py [directory for the download]

Fetches the source distribution of the installed Django with pip, runs its `mail` tests
as they are and again with ours, and compares test by test. Fails on a difference that
is not listed in EXPECTED.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import django

HERE = Path(__file__).resolve().parent

# Tests that differ, and why. Names as Django prints them.
EXPECTED = {
    "mail.test_backends.SMTPBackendTests.test_smtp_connection_uses_host_and_port": (
        "puts a mock in the place of smtplib.SMTP, which our session is a subclass of"
    ),
    "mail.test_backends.SMTPBackendTests.test_direct_construction_deprecated": (
        "asks for a warning about naming Django's class itself; ours is built for "
        "EMAIL_BACKEND without one, and Django warns about that setting already"
    ),
}

_PROBLEM = re.compile(r"^(?:FAIL|ERROR): \w+ \((?P<test>[\w.]+)\)", re.MULTILINE)
_RAN = re.compile(r"^Ran (\d+) tests", re.MULTILINE)


def fetch(directory: Path) -> Path:
    """The tests of the installed Django, from its source distribution."""
    version = django.__version__
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", "django", f"django=={version}", "--dest", str(directory)]
    subprocess.run(command, check=True)
    [archive] = directory.glob("[dD]jango-*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(directory, filter="data")
    return directory / archive.name.removesuffix(".tar.gz") / "tests"


def run(tests: Path, backend: str) -> tuple[int, set[str]]:
    """How many tests ran, and which of them failed."""
    command = [sys.executable, str(HERE / "django_tests.py"), str(tests), backend]
    result = subprocess.run(
        [*command, "mail", "--parallel=1", "--verbosity=1"],
        capture_output=True,
        check=False,
    )
    output = (result.stdout + result.stderr).decode("utf-8", "replace")
    ran = _RAN.search(output)
    if ran is None:
        sys.exit(f"Django's tests did not run with {backend}:\n{output[-3000:]}")
    return int(ran[1]), {found["test"] for found in _PROBLEM.finditer(output)}


def main() -> None:
    with tempfile.TemporaryDirectory(
        dir=sys.argv[1] if sys.argv[1:] else None
    ) as scratch:
        tests = fetch(Path(scratch))
        stock_ran, stock_failed = run(tests, "stock")
        ours_ran, ours_failed = run(tests, "ours")
    differing = stock_failed ^ ours_failed
    print(
        f"Django {django.__version__}: {ours_ran} tests run, {len(differing)} differing."
    )
    for test in sorted(differing):
        print(f"  {test}: {EXPECTED.get(test, 'NOT EXPECTED')}")
    if stock_ran != ours_ran or differing - EXPECTED.keys():
        sys.exit(1)


if __name__ == "__main__":
    main()
