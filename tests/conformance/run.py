"""Run Django's own mail tests with our SMTP backend and our writing of messages.

    python tests/conformance/run.py [directory for the download]

Fetches the source distribution of the installed Django with pip, runs its `mail` tests
as they are, again with our backend, and again with every message read back from the
bytes of `to_bytes()`. Compares test by test; fails on a difference that is not EXPECTED.
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

# Tests that differ with each, and why. Names as Django prints them, from the class on.
_POLICY = "wants a header as it was given, for a policy that breaks lines otherwise"
_IDENTITY = "asks for the attached object itself, which nothing written can give back"
EXPECTED = {
    "ours": {
        "SMTPBackendTests.test_smtp_connection_uses_host_and_port": (
            "puts a mock in the place of smtplib.SMTP, which our session is a subclass of"
        ),
        "SMTPBackendTests.test_auth_attempted": (
            "puts a mock in the place of smtplib's login, which would try a wrong password "
            "with up to three mechanisms"
        ),
        "SMTPBackendTests.test_email_msg_uses_crlf": (
            "listens at smtplib's send, which commands that leave together do not pass"
        ),
        "SMTPBackendTests.test_reopen_replaces_partial_connection": (
            "looks for a connection left half open by a login that failed; ours is closed"
        ),
        "SMTPBackendTests.test_direct_construction_deprecated": (
            "asks for a warning about naming Django's class itself; ours is built for "
            "EMAIL_BACKEND without one, and Django warns about that setting already"
        ),
    },
    "wire": {
        "MailTests.test_decoded_attachments_MIMEText": _IDENTITY,
        "MailTests.test_decoded_attachment_text_MIMEPart": _IDENTITY,
        "EmailMessageTests.test_decoded_attachment_text_MIMEPart": _IDENTITY,
        "EmailMessageTestsWithMailers.test_decoded_attachment_text_MIMEPart": _IDENTITY,
        "DeprecatedCompatibilityTests.test_attachments_mimebase_in_constructor": _IDENTITY,
        "MailTests.test_body_content_transfer_encoding": (
            "writes what was read as str, where Python turns 8bit into base64"
        ),
        "MailTests.test_folding_white_space": (
            "looks at a subject before its name is counted to the length of its line"
        ),
        "MailTests.test_message_policy_compat32": _POLICY,
        "EmailMessageTests.test_message_policy_compat32": _POLICY,
        "EmailMessageTestsWithMailers.test_message_policy_compat32": _POLICY,
    },
}

_PROBLEM = re.compile(
    r"^(?:FAIL|ERROR): \w+ \([\w.]*?(?P<test>\w+\.\w+)\)", re.MULTILINE
)
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
        stock = run(tests, "stock")
        known = [
            compare(stock, run(tests, changed), changed=changed) for changed in EXPECTED
        ]
    if not all(known):
        sys.exit(1)


def compare(
    stock: tuple[int, set[str]], ours: tuple[int, set[str]], *, changed: str
) -> bool:
    """Print the tests that differ; whether that is as expected."""
    expected = EXPECTED[changed]
    differing = stock[1] ^ ours[1]
    print(
        f"Django {django.__version__}, {changed}: {ours[0]} tests run, "
        f"{len(differing)} differing."
    )
    for test in sorted(differing):
        print(f"  {test}: {expected.get(test, 'NOT EXPECTED')}")
    return stock[0] == ours[0] and differing <= expected.keys()


if __name__ == "__main__":
    main()
