"""The plug-in in other projects: with and without Django, with other plug-ins, and its texts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
import django.core.mail as _mail
SECRET_KEY = "of the test alone"
USE_TZ = True
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                       "OPTIONS": {"host": "mail.invalid"}}}
if not hasattr(_mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
"""
SENDING = """
    from django.core.mail import EmailMessage

    def send(subject, body="Body"):
        EmailMessage(subject, body, "a@example.com", ["b@example.com"]).send()
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A directory with tests of its own, and a pytest that knows nothing of ours."""
    for name in [name for name in os.environ if name.startswith(("DJANGO", "PYTEST"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(
        "PYTHONPATH",
        os.pathsep.join(
            (str(pytester.path), str(ROOT), os.environ.get("PYTHONPATH", ""))
        ),
    )
    # Where the package is installed this is its entry point.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\nfilterwarnings = ["error"]\naddopts = ["-p", '
        '"django_mailplus.pytest_plugin"]'
    )
    pytester.makepyfile(mysettings=SETTINGS)
    return pytester


def run(project, *arguments, django=True):
    extra = ("-p", "pytest_django.plugin", "--ds", "mysettings") if django else ()
    return project.runpytest_subprocess(*extra, *arguments)


def test_a_project_without_django_notices_nothing(project):
    project.makepyfile("""
        import sys

        def test_it():
            assert not [name for name in sys.modules if name.split(".")[0] == "django"]
            assert "django_mailplus.testing" not in sys.modules
    """)
    result = run(project, django=False)
    result.assert_outcomes(passed=1)
    assert "snapshot" not in result.stdout.str()


def test_a_project_with_django_but_without_settings_notices_nothing(project):
    project.makepyfile("""
        from django.core import mail
        from django.conf import settings

        def test_it(smtp_server):
            assert not settings.configured
            assert smtp_server.messages == []
    """)
    run(project, django=False).assert_outcomes(passed=1)


def test_a_mailbox_without_settings_says_what_is_missing(project):
    project.makepyfile("def test_it(mailbox): pass")
    result = run(project, django=False)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ImproperlyConfigured*settings are not configured*"])


MAILBOX_TESTS = (
    SENDING
    + """
    def test_one(mailbox):
        send("one")
        assert mailbox.one().subject == "one"

    def test_two(mailbox):
        assert not mailbox
        send("two")
        assert mailbox.latest().subject == "two"
"""
)


def test_without_pytest_django_it_sets_up_the_test_environment(project):
    project.makepyfile(MAILBOX_TESTS)
    project.makeconftest("""
        import os
        os.environ["DJANGO_SETTINGS_MODULE"] = "mysettings"
    """)
    run(project, django=False).assert_outcomes(passed=2)


def test_without_pytest_django_it_sets_up_django(project):
    project.makepyfile("""
        def test_it(mailbox):
            from django.utils.translation import gettext
            assert gettext("Yes")
    """)
    project.makeconftest("""
        import os
        os.environ["DJANGO_SETTINGS_MODULE"] = "mysettings"
    """)
    run(project, django=False).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "others",
    [(), ("-p", "pytest_randomly"), ("-p", "xdist.plugin", "-n", "2")],
    ids=["alone", "randomly", "xdist"],
)
def test_with_other_plug_ins(project, others):
    if others:
        pytest.importorskip(others[1].partition(".")[0])
    project.makepyfile(MAILBOX_TESTS)
    run(project, *others).assert_outcomes(passed=2)


def test_a_failure_is_shown_at_the_line_of_the_test(project):
    project.makepyfile(
        SENDING
        + """
    def test_it(mailbox):
        send("Welcome")
        mailbox.one(to="ann@example.com", subject="Welcome")
    """
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    shown = text[text.index(">  ") : text.index("=== short test summary")]
    using = "  using default" if "using default" in shown else ""  # with MAILERS alone
    assert shown.splitlines()[:5] == [
        '>       mailbox.one(to="ann@example.com", subject="Welcome")',
        "E       AssertionError: No mail with to='ann@example.com', subject='Welcome' "
        "arrived. What arrived (1):",
        f'E         1. to b@example.com  "Welcome"  from a@example.com{using}',
        "E       Nearest is 1, but for: to.",
        "",
    ]
    assert "mailbox.py" not in shown


SNAPSHOTS = (
    SENDING
    + """
    import pytest

    @pytest.mark.parametrize("name", ["Ann", "Bob"])
    def test_hello(mailbox, mail_snapshot, name):
        send(f"Hello {name}")
        send("Bye")
        mail_snapshot(mailbox.all()[0])
        mail_snapshot(mailbox.latest(), name="bye")
"""
)


def test_snapshots_are_written_compared_and_missed_when_stale(project):
    project.makepyfile(test_hello=SNAPSHOTS)
    result = run(project)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*There is no snapshot __mail_snapshots__/test_hello.test_hello-Ann-*"]
    )
    folder = project.path / "__mail_snapshots__"
    assert not folder.exists()

    result = run(project, "--mail-snapshot-update")
    result.assert_outcomes(passed=2)
    assert len(list(folder.iterdir())) == 4
    result.stdout.fnmatch_lines(
        ["*= mail snapshots =*", "written: */test_hello.test_hello-Ann-*.txt"]
    )
    run(project).assert_outcomes(passed=2)

    project.makepyfile(test_hello=SNAPSHOTS.replace("Hello {name}", "Hi {name}"))
    result = run(project, "-k", "Ann")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["E*-Subject: Hello Ann", "E*+Subject: Hi Ann"])

    project.makepyfile(
        test_hello=SNAPSHOTS.replace(', "Bob"', "").replace('"bye"', '"end"')
    )
    result = run(project, "--mail-snapshot-update")
    result.assert_outcomes(passed=1)
    stale = [
        Path(line.partition(": ")[2]).name
        for line in result.stdout.lines
        if line.startswith("of no test any more")
    ]
    assert len(stale) == 3
    assert [
        name for name in stale if "Bob" in name or name.endswith("~bye.txt")
    ] == stale
    result = run(project, "--mail-snapshot-update", "test_hello.py::test_hello")
    assert "of no test" not in result.stdout.str()


def test_each_process_of_xdist_tells_what_it_wrote(project):
    pytest.importorskip("xdist")
    project.makepyfile(test_hello=SNAPSHOTS)
    result = run(project, "--mail-snapshot-update", "-p", "xdist.plugin", "-n", "2")
    result.assert_outcomes(passed=2)
    lines = [line for line in result.stdout.lines if line.startswith("written: ")]
    assert len(lines) == 4
    project.makepyfile(test_hello=SNAPSHOTS.replace(', "Bob"', ""))
    result = run(project, "--mail-snapshot-update", "-p", "xdist.plugin", "-n", "2")
    lines = [line for line in result.stdout.lines if line.startswith("of no test")]
    assert len(lines) == 2


def test_loading_it_imports_nothing_but_pytest():
    code = (
        "import pytest, sys; before = set(sys.modules); import django_mailplus.pytest_plugin;"
        "print(sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert (
        result.stdout.strip() == "['django_mailplus', 'django_mailplus.pytest_plugin']"
    )
