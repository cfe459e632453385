"""sendtestemail: Django's command, with a report, an exit code and an explanation."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import socket
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import django.core.mail
import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import CommandError, call_command
from django.test import override_settings
from doctor.scripted_server import CLOSE, ScriptedServer

from django_mailplus.compat import NATIVE, get_mailer

SMTP = "django_mailplus.backends.smtp.EmailBackend"
PASSWORD = "hunter2 correct-horse"
# Django 5.2 wants pairs in ADMINS and MANAGERS, later versions plain addresses.
PLAIN_ADDRESSES = hasattr(django.core.mail, "_send_server_message")


def people(*addresses: str):
    return (
        list(addresses) if PLAIN_ADDRESSES else [("", address) for address in addresses]
    )


def mailer(server, **options):
    return {
        "BACKEND": SMTP,
        "OPTIONS": {"host": server.host, "port": server.port, "timeout": 10} | options,
    }


class Outcome:
    def __init__(self, *args: str, verbosity: int = 1) -> None:
        stdout, stderr = io.StringIO(), io.StringIO()
        self.error: CommandError | None = None
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                call_command(
                    "sendtestemail", *args, stdout=stdout, stderr=stderr, verbosity=verbosity,
                    no_color=True,
                )  # fmt: skip
            except CommandError as error:
                self.error = error
        self.raw = stdout.getvalue()
        self.printed = printed.getvalue()  # by a backend
        self.out = " ".join(self.raw.split())
        self.failure = " ".join(str(self.error).split()) if self.error else ""


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def aiosmtpd_server():
    from aiosmtpd.controller import Controller

    class Keep:
        def __init__(self):
            self.messages = []
            self.host, self.port = "127.0.0.1", 0

        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            self.messages.append(envelope)
            return "250 2.0.0 Ok: queued as 4F1D"

        async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
            if address.startswith("gone"):
                return "550 5.1.1 User unknown"
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 Ok"

    keep = Keep()
    with socket.create_server(("127.0.0.1", 0)) as free:
        keep.port = free.getsockname()[1]
    controller = Controller(keep, hostname=keep.host, port=keep.port)
    controller.start()
    yield keep
    controller.stop()


# --- What a mail looks like that arrived -------------------------------------------------------


def test_a_mail_that_was_accepted_is_reported_recipient_by_recipient(aiosmtpd_server):
    with override_settings(MAILERS={"default": mailer(aiosmtpd_server)}):
        outcome = Outcome("a@example.com", "b@example.com")
    assert outcome.error is None
    assert "Mailer default" in outcome.out
    assert "From Shop <shop@example.com>" in outcome.out
    assert "To a@example.com, b@example.com" in outcome.out
    assert "accepted a@example.com 250 2.1.5 Ok" in outcome.out
    assert "accepted b@example.com 250 2.1.5 Ok" in outcome.out
    assert "Reply 250 2.0.0 Ok: queued as 4F1D" in outcome.out
    assert "Time 0." in outcome.out
    (envelope,) = aiosmtpd_server.messages
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    received = message_from_bytes(envelope.content, policy=policy.default)
    assert received["Subject"].startswith(f"Test email from {socket.gethostname()} on ")
    assert (
        received.get_content().strip() == "If you're reading this, it was successful."
    )


def test_using_chooses_the_mailer_on_every_django(server):
    mailers = {
        "default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"},
        "other": mailer(server),
    }
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@example.com", "--using", "other")
    assert "Mailer other" in outcome.out
    assert len(server.messages) == 1


def test_from_html_and_attachments_go_into_the_message(server, tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.csv"
    first.write_text("hello", encoding="utf-8")
    second.write_text("1,2", encoding="utf-8")
    with override_settings(MAILERS={"default": mailer(server)}):
        Outcome(
            "a@example.com", "--from", "me@example.com", "--html",
            "--attach", str(first), "--attach", str(second),
        )  # fmt: skip
    received = message_from_bytes(server.messages[0], policy=policy.default)
    assert received["From"] == "me@example.com"
    assert (
        "<p>If you&#x27;re reading this" in received.get_body(("html",)).get_content()
    )
    assert "If you're reading this" in received.get_body(("plain",)).get_content()
    assert [part.get_filename() for part in received.iter_attachments()] == [
        "a.txt",
        "b.csv",
    ]
    assert any(
        line.lower().startswith("mail from:<me@example.com>")
        for line in server.commands
    )


@override_settings(
    MANAGERS=people("m@example.com"),
    ADMINS=people("x@example.com", "y@example.com"),
    EMAIL_SUBJECT_PREFIX="[Shop] ",
    SERVER_EMAIL="server@example.com",
)
def test_managers_and_admins_get_what_django_would_send_them():
    outcome = Outcome("--managers", "--admins", "a@example.com")
    assert outcome.error is None
    mails = django_mail.outbox
    assert [m.to for m in mails] == [
        ["a@example.com"],
        ["m@example.com"],
        ["x@example.com", "y@example.com"],
    ]
    assert [m.from_email for m in mails] == [
        "Shop <shop@example.com>",
        "server@example.com",
        "server@example.com",
    ]
    assert [m.subject.startswith("[Shop] Test email from") for m in mails] == [
        False,
        True,
        True,
    ]
    assert mails[1].body == "This email was sent to the site managers."
    assert mails[2].body == "This email was sent to the site admins."


@override_settings(ADMINS=people("x@example.com"))
def test_from_also_counts_for_mail_to_the_admins():
    Outcome("--admins", "--from", "me@example.com")
    assert django_mail.outbox[0].from_email == "me@example.com"


def test_with_verbosity_0_only_failures_speak():
    outcome = Outcome("a@example.com", verbosity=0)
    assert (outcome.raw, outcome.error) == ("", None)


# --- Backends that report nothing ------------------------------------------------------------


def test_of_a_foreign_backend_what_is_known_is_said():
    mailers = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@example.com")
    assert (
        "the console backend accepted 1 message; it reports nothing on recipients"
        in outcome.out
    )
    assert "Subject: Test email from" in outcome.printed


class Nothing(BaseEmailBackend):
    def send_messages(self, email_messages):
        return 0


class NoCount(BaseEmailBackend):
    def send_messages(self, email_messages):
        return None


class Broken(BaseEmailBackend):
    def send_messages(self, email_messages):
        raise LookupError("the \x1b[31mdog ate it")


class Wrapper(BaseEmailBackend):
    def __init__(self, *, using="", **kwargs):
        super().__init__(**kwargs)
        self.using = using

    def send_messages(self, email_messages):
        return get_mailer(self.using).send_messages(email_messages)


def _own(name: str) -> dict:
    return {"default": {"BACKEND": f"{__name__}.{name}"}}


@pytest.fixture
def importable(monkeypatch):
    """This module by its name, whatever the import mode of pytest is."""
    monkeypatch.setitem(
        sys.modules,
        __name__,
        sys.modules.get(__name__, sys.modules[Nothing.__module__]),
    )


@pytest.mark.usefixtures("importable")
def test_a_backend_that_sent_nothing_is_a_failure():
    with override_settings(MAILERS=_own("Nothing")):
        outcome = Outcome("a@example.com")
    assert outcome.failure == "The mailer 'default' reports that it sent nothing."


@pytest.mark.usefixtures("importable")
def test_a_backend_without_a_count_is_no_failure():
    with override_settings(MAILERS=_own("NoCount")):
        outcome = Outcome("a@example.com")
    assert outcome.error is None
    assert "backend took the message" in outcome.out


@pytest.mark.usefixtures("importable")
def test_an_error_that_nobody_knows_is_one_clear_line():
    with override_settings(MAILERS=_own("Broken")):
        outcome = Outcome("a@example.com")
    assert outcome.failure.startswith(
        "default: the mail was not sent. Error LookupError: the"
    )
    assert "\x1b" not in outcome.failure


# --- Nothing to do ---------------------------------------------------------------------------


def test_no_address_at_all_is_an_error():
    assert "You must specify some email recipients" in Outcome().failure
    assert "--admins" in Outcome().failure


def test_using_alone_sends_nothing_and_says_so():
    assert (
        "You must specify some email recipients"
        in Outcome("--using", "console").failure
    )


@override_settings(ADMINS=[], MANAGERS=[])
@pytest.mark.parametrize("name", ["ADMINS", "MANAGERS"])
def test_an_empty_setting_is_an_error(name):
    outcome = Outcome(f"--{name.lower()}")
    assert outcome.failure.startswith(f"{name} is empty: nobody there to send to.")
    assert django_mail.outbox == []


@override_settings(ADMINS=[], MANAGERS=people("m@example.com"))
def test_an_empty_setting_is_an_error_even_when_others_got_their_mail():
    outcome = Outcome("--managers", "--admins")
    assert outcome.failure.startswith("ADMINS is empty")
    assert len(django_mail.outbox) == 1


@override_settings(ADMINS="x@example.com")
def test_a_setting_of_the_wrong_form_is_an_error():
    assert "The ADMINS setting must be a list of" in Outcome("--admins").failure


@override_settings(ADMINS=["x@example.com", ("a", "b", "c")])
def test_an_entry_of_the_wrong_form_is_an_error():
    assert "The ADMINS setting must be a list of" in Outcome("--admins").failure


def test_a_file_that_does_not_exist_stops_everything():
    outcome = Outcome("a@example.com", "--attach", "/nowhere/a.txt")
    assert (
        outcome.failure
        == "--attach: there is no file '/nowhere/a.txt'. Nothing was sent."
    )
    assert django_mail.outbox == []


# --- Refusals --------------------------------------------------------------------------------


def test_a_refused_recipient_is_named_with_cause_and_remedy(aiosmtpd_server):
    with override_settings(MAILERS={"default": mailer(aiosmtpd_server)}):
        outcome = Outcome("a@example.com", "gone@example.com")
    assert "accepted a@example.com 250 2.1.5 Ok" in outcome.out
    assert "refused gone@example.com 550 5.1.1 User unknown" in outcome.out
    assert outcome.failure.startswith(
        "default: the recipient's mailbox does not exist."
    )
    assert "Refused 1 of 2 recipients: gone@example.com" in outcome.failure
    assert "Remedy Correct the address" in outcome.failure
    assert len(aiosmtpd_server.messages) == 1


def test_a_message_refused_by_all_names_them_and_the_next_one_is_still_sent(
    aiosmtpd_server,
):
    with override_settings(
        MAILERS={"default": mailer(aiosmtpd_server)}, MANAGERS=people("m@example.com")
    ):
        outcome = Outcome("gone@example.com", "gone2@example.com", "--managers")
    assert (
        "Refused 2 of 2 recipients: gone@example.com, gone2@example.com"
        in outcome.failure
    )
    assert [envelope.rcpt_tos for envelope in aiosmtpd_server.messages] == [
        ["m@example.com"]
    ]


def test_a_refusal_for_now_is_told_from_one_for_good():
    with (
        ScriptedServer(
            rcpt={"slow@": "450 4.2.0 Greylisted, come back later"}
        ) as server,
        override_settings(MAILERS={"default": mailer(server)}),
    ):
        outcome = Outcome("a@example.com", "slow@example.com")
    assert "refused for now slow@example.com 450 4.2.0 Greylisted" in outcome.out
    assert "Greylisting: an unknown sender is turned away once" in outcome.failure


def test_a_mail_whose_answer_was_lost_may_have_arrived():
    with (
        ScriptedServer(content=CLOSE) as server,
        override_settings(MAILERS={"default": mailer(server)}),
    ):
        outcome = Outcome("a@example.com")
    assert "perhaps sent a@example.com" in outcome.out
    assert "Refused" not in outcome.failure
    assert "It may have arrived" in outcome.failure


def test_after_a_failed_login_no_recipient_is_called_refused():
    with (
        google() as server,
        override_settings(
            MAILERS={
                "default": mailer(server, username="me@gmail.com", password=PASSWORD)
            }
        ),
    ):
        outcome = Outcome("a@example.com")
    assert "Refused" not in outcome.failure
    assert "refused" not in outcome.out


# --- Failures --------------------------------------------------------------------------------


def google(**more):
    return ScriptedServer(
        ehlo="250-smtp.gmail.com at your service\n250 AUTH LOGIN PLAIN",
        auth="534-5.7.9 Application-specific password required. For more information, go to\n"
        "534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp",
        **more,
    )


def test_googles_refusal_of_a_password_is_explained():
    with (
        google() as server,
        override_settings(
            MAILERS={
                "default": mailer(server, username="me@gmail.com", password=PASSWORD)
            }
        ),
    ):
        outcome = Outcome("a@example.com")
    assert outcome.failure.startswith("default: Google wants an app password.")
    assert "Error 534 5.7.9 Application-specific password required." in outcome.failure
    assert "2-step verification" in outcome.failure
    assert "16 characters, without the spaces" in outcome.failure
    assert "MAILERS['default']['OPTIONS']['password']" in outcome.failure


def test_after_a_failed_login_no_second_message_is_tried():
    with (
        google() as server,
        override_settings(
            MAILERS={
                "default": mailer(server, username="me@gmail.com", password=PASSWORD)
            },
            MANAGERS=people("m@example.com"),
        ),
    ):
        outcome = Outcome("a@example.com", "--managers")
        connections = [line for line in server.commands if line.startswith("ehlo")]
    assert len(connections) == 1
    assert outcome.failure.count("Remedy") == 1


def test_a_refused_connection_is_explained():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    mailers = {
        "default": {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": port}}
    }
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@example.com")
    assert outcome.failure.startswith(f"default: nothing listens at 127.0.0.1:{port}")
    assert "Error ConnectionRefusedError" in outcome.failure
    assert "runmailserver" in outcome.failure


def test_a_user_without_password_is_explained():
    with (
        ScriptedServer(mail="530 5.7.0 Authentication Required. - gsmtp") as server,
        override_settings(MAILERS={"default": mailer(server, username="me@gmail.com")}),
    ):
        outcome = Outcome("a@example.com")
    assert (
        "there is a user name but no password, so Django did not log in"
        in outcome.failure
    )


def test_swapped_encryption_is_explained(server):
    with override_settings(MAILERS={"default": mailer(server, use_ssl=True)}):
        outcome = Outcome("a@example.com")
    assert (
        "TLS from the start was spoken to a port that begins in plain text"
        in outcome.failure
    )


@pytest.mark.usefixtures("importable")
def test_behind_a_wrapper_the_settings_of_the_inner_mailer_are_named():
    with (
        ScriptedServer(mail="530 5.7.0 Authentication Required. - gsmtp") as server,
        override_settings(
            MAILERS={
                "default": {
                    "BACKEND": f"{__name__}.Wrapper",
                    "OPTIONS": {"using": "inner"},
                },
                "inner": mailer(server, username="me@gmail.com"),
            }
        ),
    ):
        outcome = Outcome("a@example.com")
    assert "there is a user name but no password" in outcome.failure
    assert "MAILERS['inner']['OPTIONS']['password']" in outcome.failure


def test_an_unknown_alias_is_explained():
    outcome = Outcome("a@example.com", "--using", "nope")
    assert "nope: there is no mailer with that alias." in outcome.failure
    assert "Mailers default, console" in outcome.failure


def test_an_invalid_from_address_is_explained(server):
    with override_settings(MAILERS={"default": mailer(server)}):
        outcome = Outcome(
            "a@example.com", "--from", "a@example.com\nBcc: b@example.com"
        )
    # Django 5.2 finds the line break, later versions the second address.
    assert "Remedy" in outcome.failure
    assert server.messages == []


# --- The dialogue ----------------------------------------------------------------------------


def test_trace_prints_the_dialogue_without_the_content(server):
    with override_settings(MAILERS={"default": mailer(server)}):
        outcome = Outcome("a@example.com", "--trace")
    assert "< 220 test ESMTP" in outcome.out
    assert "> rcpt to:<a@example.com>" in outcome.out.lower()
    assert "bytes>" in outcome.out
    assert "If you're reading this" not in outcome.out


def test_without_trace_no_dialogue_is_printed(server):
    with override_settings(MAILERS={"default": mailer(server)}):
        outcome = Outcome("a@example.com")
    assert "220 test ESMTP" not in outcome.out


def test_trace_of_a_backend_without_smtp_says_that_there_was_none():
    outcome = Outcome("a@example.com", "--trace")
    assert "no SMTP dialogue took place in this process" in outcome.out


def test_trace_shows_where_a_dialogue_broke():
    with (
        ScriptedServer(mail=CLOSE) as server,
        override_settings(MAILERS={"default": mailer(server)}),
    ):
        outcome = Outcome("a@example.com", "--trace")
    assert "< 250" in outcome.out
    assert "the server closed the connection" in outcome.failure


# --- Secrets -----------------------------------------------------------------------------------


def forms(user: str, password: str) -> list[str]:
    def b64(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    return [password, b64(password), b64(f"\0{user}\0{password}")]


@pytest.mark.parametrize(
    "mechanisms", ["PLAIN", "LOGIN", "CRAM-MD5", "CRAM-MD5 PLAIN LOGIN"]
)
@pytest.mark.parametrize("auth", ["235 ok", "535 5.7.8 no", "334 VXNlcm5hbWU6"])
def test_the_password_never_appears(mechanisms, auth):
    with (
        ScriptedServer(
            ehlo=f"250-test\n250 AUTH {mechanisms}", auth=auth, answer="535 5.7.8 no"
        ) as server,
        override_settings(
            MAILERS={"default": mailer(server, username="me", password=PASSWORD)}
        ),
    ):
        outcome = Outcome("a@example.com", "--trace", verbosity=3)
    everything = outcome.raw + outcome.printed + outcome.failure
    assert "AUTH" in outcome.raw
    for form in forms("me", PASSWORD):
        assert form not in everything


@pytest.mark.parametrize("form", [0, 1, 2])
@pytest.mark.parametrize("stage", ["auth", "mail", "rcpt", "content"])
def test_a_password_that_the_server_echoes_is_masked(form, stage):
    echo = forms("me", PASSWORD)[form]
    code = "535" if stage == "auth" else "550"
    with (
        ScriptedServer(
            ehlo="250-test\n250 AUTH PLAIN",
            **{stage: f"{code} 5.7.8 I do not like {echo}"},
        ) as server,
        override_settings(
            MAILERS={"default": mailer(server, username="me", password=PASSWORD)}
        ),
    ):
        outcome = Outcome("a@example.com")
    assert "I do not like ****" in outcome.failure
    assert echo not in outcome.raw + outcome.failure


# --- As a process, and with EMAIL_ settings ------------------------------------------------------

SETTINGS = """
from __future__ import annotations
SECRET_KEY = "x"
INSTALLED_APPS = ["django_mailplus"]
USE_TZ = True
DEFAULT_FROM_EMAIL = "shop@example.com"
"""


def run(tmp_path: Path, extra: str, *args: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "shop_settings.py").write_text(SETTINGS + extra, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(  # noqa: S603 (our own interpreter)
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
