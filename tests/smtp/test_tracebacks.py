"""What an error page or tracker would show of an error: every local of every frame."""

from __future__ import annotations

import smtplib
import ssl
import traceback

import pytest
from misbehaving_server import CLOSE, RESET, MisbehavingServer
from scripted_server import ScriptedServer, server_context
from smtp.batches import BOTH, job, open_session

from django_mailplus.smtp.opening import ConnectionOptions, connect
from django_mailplus.smtp.pipeline import send_all

SECRET = "".join(["hun", "ter", "2"])  # not in a line of source that would be shown


def shown(error):
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format())


def log_in(server, password):
    options = ConnectionOptions(
        host=server.host, port=server.port, username="ann", password=password
    )
    del password  # a local of ours would be shown as well
    connect(options)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("answer", ["535 no", "454 later", CLOSE])
def test_a_login_that_fails_shows_no_password(mechanism, answer):
    ehlo = f"250-test\n250 AUTH {mechanism}"
    with (
        ScriptedServer(ehlo=ehlo, auth=answer) as server,
        pytest.raises(smtplib.SMTPException) as caught,
    ):
        log_in(server, SECRET)
    assert SECRET not in shown(caught.value)


def test_a_password_outside_ascii_is_not_shown_either():
    with (
        ScriptedServer(ehlo="250-test\n250 AUTH PLAIN") as server,
        pytest.raises(UnicodeEncodeError) as caught,
    ):
        log_in(server, SECRET + "\N{SNOWMAN}")
    assert SECRET not in shown(caught.value)


@BOTH
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content", "cut"])
@pytest.mark.parametrize("how", [CLOSE, RESET, "hm", "421 bye"])
def test_a_batch_that_breaks_shows_no_content_and_no_recipient(
    tmp_path, ehlo, secure, step, how
):
    tls, certificate = server_context(tmp_path)
    script = {"cut_after": 100_000} if step == "cut" else {step: how}
    options = (
        {"use_ssl": True, "context": ssl.create_default_context(cafile=certificate)}
        if secure
        else {}
    )
    with MisbehavingServer(ehlo=ehlo, tls=tls if secure else None, **script) as server:
        session = open_session(server, **options)
        text = f"{SECRET}\r\n".encode() * (400_000 if step == "cut" else 3)
        (outcome,) = send_all(session, [job(to=[f"{SECRET}@x.org"], body=text)])
        session.close()
        server.settle()
    assert outcome.error is not None
    assert SECRET not in shown(outcome.error)
