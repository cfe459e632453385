"""The command as people run it: a process of its own, stopped by a signal."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from django_mailplus.mailserver.server import MailServer

MAIL = (
    "From: Läden <shop@example.com>\r\nSubject: Größe ✓\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    "Schöne Grüße\x1b[2J\r\nhttps://shop.example.com/ja\r\n"
).encode()


class RunningCommand:
    """`runmailserver` after its banner, on a free port, with warnings as errors."""

    def __init__(self, *arguments: str, settings: str, path: list[str]) -> None:
        command = [
            sys.executable,
            "-W",
            "error",
            "-m",
            "django",
            "runmailserver",
            "0",
            *arguments,
        ]
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings,
            "PYTHONPATH": os.pathsep.join([*path, *filter(None, sys.path)]),
            "PYTHONIOENCODING": "utf-8",
        }
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.banner = ""
        assert self.process.stdout is not None
        while "Quit with CONTROL-C." not in self.banner:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()[1]
            self.banner += line
        port = re.search(r"on 127\.0\.0\.1:(\d+)", self.banner)
        assert port is not None
        self.port = int(port[1])

    def send(self, *recipients: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as smtp:
            smtp.sendmail("shop@example.com", recipients or ["zoe@example.com"], MAIL)

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[str, str, int]:
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=30)
        return output, errors, self.process.returncode


@pytest.fixture
def run() -> Iterator[Callable[..., RunningCommand]]:
    started: list[RunningCommand] = []

    def run(
        *arguments: str,
        settings: str = os.environ["DJANGO_SETTINGS_MODULE"],
        path: tuple[str, ...] = (),
    ) -> RunningCommand:
        started.append(RunningCommand(*arguments, settings=settings, path=[*path]))
        return started[-1]

    yield run
    for command in started:
        command.process.kill()
        command.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_shows_a_mail_and_a_signal_stops_it_cleanly(run, number):
    command = run()
    command.send("zoe@example.com", "bob@example.com")

    output, errors, code = command.stop(number)

    assert (errors, code) == ("", 0)
    assert "Envelope  shop@example.com → zoe@example.com, bob@example.com\n" in output
    assert "Subject   Größe ✓\n" in output
    assert "  Schöne Grüße␛[2J\n" in output
    assert "\nLinks\n  https://shop.example.com/ja\n" in output
    assert output.endswith("\nStopped. 1 mail received.\n")
    assert "\x1b" not in output


def test_it_stops_while_a_client_is_connected(run):
    command = run()
    with socket.create_connection(("127.0.0.1", command.port), timeout=10) as idle:
        idle.recv(100)
        assert command.stop(signal.SIGTERM)[1:] == ("", 0)


def test_quiet_prints_one_line_for_each_mail(run):
    command = run("--quiet")
    command.send()
    command.send()
    lines = command.stop()[0].strip().splitlines()
    assert [line[10:] for line in lines[:2]] == [
        "shop@example.com → zoe@example.com  Größe ✓"
    ] * 2
    assert lines[2:] == ["", "Stopped. 2 mails received."]


@pytest.mark.skipif(
    "MAILPLUS_TEST_DATABASE" in os.environ, reason="the process has SQLite in a file"
)
def test_the_inbox_keeps_each_mail(run, tmp_path):
    file = tmp_path / "inbox.sqlite3"
    (tmp_path / "inbox_settings.py").write_text(
        f"from {os.environ['DJANGO_SETTINGS_MODULE']} import *\n"
        f"DATABASES['default']['NAME'] = {str(file)!r}\n"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "inbox_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)]),
    }
    migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
    subprocess.run(migrate, env=environment, check=True)
    command = run("--inbox", settings="inbox_settings", path=(str(tmp_path),))
    command.send("zoe@example.com", "bob@example.com")
    command.send("gus@example.com")
    assert command.stop()[1:] == ("", 0)
    with contextlib.closing(sqlite3.connect(file)) as database:
        rows = "SELECT subject, first_recipient, source, raw FROM mailplus_caughtmail"
        kept = list(database.execute(rows))
    assert [row[:3] for row in kept] == [
        ("Größe ✓", "zoe@example.com", "smtp"),
        ("Größe ✓", "gus@example.com", "smtp"),
    ]
    assert MAIL in kept[0][3]


def test_an_inbox_without_tables_is_one_clear_line(run):
    with pytest.raises(AssertionError) as raised:
        run("--inbox")
    assert "CommandError: --inbox: mails cannot be kept" in str(raised.value)
    assert "Traceback" not in str(raised.value)


def test_colour_can_be_asked_for_and_the_mail_adds_no_escape_of_its_own(run):
    command = run("--force-color")
    command.send()
    output = command.stop()[0]
    assert "\x1b[" in output
    assert re.findall(r"\x1b(?!\[[0-9;]*m)", output) == []


def test_save_keeps_each_mail_as_it_came(run, tmp_path):
    command = run("--save", str(tmp_path / "mails"))
    command.send()
    command.send()
    command.stop()
    assert [path.suffix for path in (tmp_path / "mails").iterdir()] == [".eml", ".eml"]
    assert {path.read_bytes() for path in (tmp_path / "mails").iterdir()} == {MAIL}


def test_log_in_is_asked_for_and_its_password_never_printed(run):
    command = run("--auth", "ann:s3cret:x")
    with smtplib.SMTP("127.0.0.1", command.port, timeout=10) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("ann", "wr0ng")
        smtp.login("ann", "s3cret:x")
        smtp.sendmail("shop@example.com", ["zoe@example.com"], MAIL)

    output, errors, _ = command.stop()

    assert "Refused a log-in with AUTH PLAIN: wrong name or password.\n" in output
    assert "logged in as ann" in output
    for text in ("s3cret", "wr0ng"):
        assert text not in command.banner + output + errors


def test_fail_refuses_the_recipients_it_names(run):
    command = run("--fail", "gone@example.com=550", "--fail", "*@busy.example=451")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        command.send("gone@example.com", "x@busy.example")
    codes = {address: reply[0] for address, reply in refused.value.recipients.items()}
    assert codes == {"gone@example.com": 550, "x@busy.example": 451}
    assert "It refuses gone@example.com with 550.\n" in command.banner
    assert (
        "Refused gone@example.com with 550.\nRefused x@busy.example"
        in command.stop()[0]
    )


def test_starttls_writes_down_the_certificate_to_trust_while_it_runs(run):
    command = run("--starttls")
    found = re.search(r"SSL_CERT_FILE=(\S+)", command.banner)
    assert found is not None
    certificate = Path(found[1])
    assert "PRIVATE" not in certificate.read_text()
    with smtplib.SMTP("127.0.0.1", command.port, timeout=10) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=certificate))
        smtp.sendmail("shop@example.com", ["zoe@example.com"], MAIL)

    output = command.stop()[0]

    assert " · TLS ─" in output
    assert not certificate.parent.exists()


def test_it_runs_while_the_mail_settings_are_wrong(run, tmp_path):
    (tmp_path / "broken_settings.py").write_text(
        f"from {os.environ['DJANGO_SETTINGS_MODULE']} import *\n"
        'MAILERS = {"default": {"BACKEND": "no.such.Backend"}, "x": 7}\n'
    )
    command = run(settings="broken_settings", path=(str(tmp_path),))
    command.send()
    assert command.stop()[1:] == ("", 0)


def test_a_port_in_use_is_one_clear_line():
    with (
        MailServer(on_message=print) as other,
        pytest.raises(
            CommandError, match=rf"^127\.0\.0\.1:{other.port} is already in use, .+\.$"
        ),
    ):
        call_command("runmailserver", str(other.port))


def test_the_address_of_the_settings_is_listened_on_when_none_is_given(settings):
    with MailServer(on_message=print) as other:
        settings.MAILPLUS = {"MAIL_SERVER": other.address}
        with pytest.raises(CommandError, match=f"{other.address} is already in use"):
            call_command("runmailserver")


def test_a_bad_address_in_the_settings_names_the_setting(settings):
    settings.MAILPLUS = {"MAIL_SERVER": "nonsense"}
    with pytest.raises(
        CommandError, match=r"^MAILPLUS\[\"MAIL_SERVER\"\]: 'nonsense' is not"
    ):
        call_command("runmailserver")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], "'nonsense' is not an address to listen on"),
        (["127.0.0.1:99999"], "Write a port up to 65535"),
        (["nohost.invalid:8025"], "cannot be resolved"),
        (["--auth", "s3cret"], "--auth takes USER:PASSWORD"),
        (["--auth", ":s3cret"], "--auth takes USER:PASSWORD"),
        (["--auth", "ann:"], "--auth takes USER:PASSWORD"),
        (["--auth", ""], "--auth takes USER:PASSWORD"),
        (
            ["--fail", "gone@example.com"],
            "--fail: 'gone@example.com' names no reply code",
        ),
        (["--fail", "gone@example.com=200"], "--fail: 200 does not refuse anything"),
        (["--save", ""], "--save: name a folder"),
        (
            ["--save", "/dev/null/mails"],
            "--save: mails cannot be kept in /dev/null/mails: Not a",
        ),
    ],
)
def test_a_bad_option_is_one_clear_line_without_secrets(arguments, complaint):
    with pytest.raises(CommandError) as raised:
        call_command("runmailserver", *arguments)
    text = str(raised.value)
    assert complaint in text
    assert "\n" not in text
    assert "s3cret" not in text


def test_a_failed_start_leaves_the_signals_as_they_were():
    earlier = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with MailServer(on_message=print) as other, pytest.raises(CommandError):
        call_command("runmailserver", str(other.port))
    assert [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
    ] == earlier
