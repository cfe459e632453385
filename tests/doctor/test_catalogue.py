"""The failure catalogue knows each failure by its row, and says what to change."""

from __future__ import annotations

import re
import smtplib
import string
from dataclasses import replace

import doctor.replies
import doctor.tls_scenes  # noqa: F401 (registers its scenes)
import pytest
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend
from doctor.scenes import LOGIN, SCENES, Scene, Stage
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.backends.smtp import EmailBackend as MailplusBackend
from django_mailplus.doctor.catalogue import (
    CONDITIONS,
    ServerSettings,
    explain,
    failures,
    matches,
)


@pytest.fixture(params=[DjangoBackend, MailplusBackend], ids=["django", "mailplus"])
def stage(request, tmp_path, monkeypatch):
    stage = Stage(request.param, tmp_path, monkeypatch)
    with stage.exits:
        yield stage


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_each_failure_is_known_by_its_row_and_claimed_by_no_other(
    scene: Scene, stage: Stage
):
    seen = scene.play(stage)
    found = list(matches(seen.error, server=seen.server))
    assert found, f"no row for {seen.error!r}"
    assert found[0].id == scene.id
    # Several recipients may each have their own failure.
    if (
        not isinstance(seen.error, smtplib.SMTPRecipientsRefused)
        or len(seen.error.recipients) == 1
    ):
        assert [row.id for row in found[1:] if not row.general] == []
    diagnosis = explain(seen.error, server=seen.server)
    for words in (diagnosis.title, diagnosis.cause, diagnosis.remedy):
        assert "{" not in words
        assert LOGIN["password"] not in words


def test_every_row_has_a_scene():
    assert {scene.id for scene in SCENES} == {row.id for row in failures()}


def test_ids_are_unique_slugs():
    ids = [row.id for row in failures()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row_id) for row_id in ids)


def test_a_general_row_stands_behind_the_special_rows_it_would_swallow():
    order = {row.id: position for position, row in enumerate(failures())}
    assert order["dns-failure"] > order["host-has-scheme"]
    assert (
        order["credentials-refused"]
        > order["google-credentials"]
        > order["google-app-password"]
    )
    assert (
        order["server-disconnected"]
        > order["reply-timeout"]
        > order["implicit-tls-port"]
    )
    assert (
        order["auth-required-530"]
        > order["starttls-required"]
        > order["m365-anonymous"]
    )


@pytest.mark.parametrize("row", failures(), ids=lambda row: row.id)
def test_each_row_is_whole(row):
    assert row.exceptions or row.codes or row.enhanced or row.text
    assert all(name in CONDITIONS for name in row.when)
    assert row.title[-1] not in ".!"
    for sentence in (row.cause, row.remedy):
        assert sentence.endswith(".")
    names = {
        name for words in (row.title, row.cause, row.remedy) for name in fields(words)
    }
    assert names <= {
        "host", "port", "username", "password", "use_tls", "use_ssl", "timeout",
        "ssl_certfile", "ssl_keyfile", "server", "actual_port",
    }  # fmt: skip


def fields(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


# --- How the answer is written ----------------------------------------------------------------


def test_the_remedy_names_the_mailer():
    diagnosis = explain("SSLError: WRONG_VERSION_NUMBER", alias="bulk")
    assert diagnosis.id == "ssl-on-starttls-port"
    assert "MAILERS['bulk']['OPTIONS']['use_tls'] = True" in diagnosis.remedy


def test_the_full_path_of_a_setting_is_written_once():
    remedy = explain("SSLError: WRONG_VERSION_NUMBER").remedy
    assert remedy.count("MAILERS['default']") == 1
    assert "OPTIONS['port'] = 587" in remedy


def test_the_remedy_names_email_settings_where_there_are_no_mailers():
    diagnosis = explain("SSLError: WRONG_VERSION_NUMBER", style="email")
    assert "EMAIL_USE_TLS = True instead of EMAIL_USE_SSL" in diagnosis.remedy
    assert "MAILERS" not in diagnosis.remedy


def test_the_configured_server_is_named():
    server = ServerSettings(host="mail.example.com", port=2525)
    assert (
        "mail.example.com:2525 refuses"
        in explain(ConnectionRefusedError(), server=server).title
    )
    assert "the server refuses" in explain(ConnectionRefusedError()).title


def test_googles_answer_tells_how_to_make_an_app_password():
    for reply in (
        "534-5.7.9 Application-specific password required",
        "535-5.7.8 Username and Password not accepted",
    ):
        remedy = explain(reply).remedy
        assert "16 characters, without the spaces" in remedy
    assert "2-step verification" in explain(reply).remedy


def test_a_row_that_is_only_reported_says_so():
    assert not explain("550 does not match a verified Sender Identity").confirmed
    assert explain("535 5.7.8 Username and Password not accepted").confirmed


# --- A text that somebody pasted ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "row_id"),
    [
        ("smtplib.SMTPAuthenticationError: (535, b'5.7.8 Username and Password not accepted. For')", "google-credentials"),
        ("534-5.7.9 Application-specific password required", "google-app-password"),
        ("ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1028)", "ssl-on-starttls-port"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", "connection-refused"),
        ("socket.gaierror: [Errno -2] Name or service not known", "dns-failure"),
        ("smtplib.SMTPServerDisconnected: Connection unexpectedly closed: timed out", "reply-timeout"),
        ("smtplib.SMTPServerDisconnected: Connection unexpectedly closed", "server-disconnected"),
        ("smtplib.SMTPNotSupportedError: STARTTLS extension not supported by server.", "starttls-unsupported"),
        ("SMTP AUTH extension not supported by server.", "auth-unsupported"),
        ("smtplib.SMTPSenderRefused: (530, b'5.7.0 Must issue a STARTTLS command first', 'a@b')", "starttls-required"),
        ("{'a@example.com': (550, b'5.1.1 User unknown')}", "recipient-unknown"),
        ("UnicodeEncodeError: 'ascii' codec can't encode character '\\xa0' in position 4", "password-no-break-space"),
        ("535", "credentials-refused"),
        ("535 5.7.139 Authentication unsuccessful, the user credentials were incorrect", "m365-credentials"),
        ("host mail.example.com port 587: 421 4.7.28 unusual rate of mail", "gmail-rate"),
    ],
)  # fmt: skip
def test_a_pasted_text_is_known(text, row_id):
    assert explain(text).id == row_id


@pytest.mark.parametrize(
    "text", ["", "hello", "port 587", "192.0.2.250", "250 ok", "5.2.19"]
)
def test_a_text_that_says_nothing_has_no_diagnosis(text):
    assert explain(text) is None


@given(
    st.text(),
    st.sampled_from(["", "535 5.7.8 ", "550-", "gaierror ", "SMTPException: "]),
)
def test_any_text_has_a_diagnosis_or_none(text, start):
    diagnosis = explain(start + text, server=ServerSettings(host=text, username=text))
    assert diagnosis is None or diagnosis.id in {row.id for row in failures()}


def test_an_error_of_another_kind_has_no_diagnosis():
    assert explain(KeyError("x")) is None


def test_the_cause_of_an_error_counts():
    error = RuntimeError("could not send")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert explain(error).id == "connection-refused"


# --- What is known of the server -----------------------------------------------------------------


def test_settings_come_from_an_smtp_backend_and_from_nothing_else():
    assert ServerSettings.of(object()) == ServerSettings()
    backend = DjangoBackend(
        alias="default", host="h", port=25, username="u", password="hunter2"
    )
    server = ServerSettings.of(backend)
    assert (server.host, server.port, server.username) == ("h", 25, "u")
    assert "hunter2" not in repr(server)


@pytest.mark.parametrize(
    ("condition", "true", "false"),
    [
        ("host_has_scheme", {"host": "smtp://h"}, {"host": "h"}),
        ("host_has_port", {"host": "h:25"}, {"host": "::1"}),
        ("host_has_space", {"host": "h\n"}, {"host": "h"}),
        ("host_is_local", {"host": "LOCALHOST"}, {"host": "h"}),
        (
            "implicit_tls_port_without_ssl",
            {"port": 465},
            {"port": 465, "use_ssl": True},
        ),
        ("no_encryption", {"host": "h"}, {"host": "h", "use_tls": True}),
        ("use_tls_is_text_for_no", {"use_tls": "False"}, {"use_tls": "True"}),
        ("password_missing", {"username": "u", "password": ""}, {"username": ""}),
        ("password_has_space", {"password": "a b"}, {"password": "ab"}),
        ("client_certificate", {"ssl_keyfile": "k"}, {}),
    ],
)
def test_a_condition_is_true_only_when_it_is_known_to_be(condition, true, false):
    assert CONDITIONS[condition](ServerSettings(**true)) is True
    assert CONDITIONS[condition](ServerSettings(**false)) is False
    assert CONDITIONS[condition](replace(ServerSettings())) is False


def test_every_condition_is_used():
    assert {name for row in failures() for name in row.when} == set(CONDITIONS)
