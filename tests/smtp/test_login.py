"""Logging in: once, with the best mechanism, and without a trace of the secret."""

from __future__ import annotations

import base64
import contextlib
import io
import smtplib
import time
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from scripted_server import CLOSE, ScriptedServer

from django_mailplus.smtp.auth import Tokens, password_mechanisms
from django_mailplus.smtp.connection import SMTP
from django_mailplus.smtp.opening import ConnectionOptions, connect
from django_mailplus.smtp.transcript import recording

USER, PASSWORD = "user@example.com", "hunter2-hunter2"


def options_for(server, **options):
    values = {"host": server.host, "port": server.port, "timeout": 5, **options}
    return ConnectionOptions(local_hostname="client", **values)


def b64(text):
    return base64.b64encode(text.encode()).decode()


PLAIN_RESPONSE = b64(f"\0{USER}\0{PASSWORD}")


def offering(*mechanisms):
    return f"250-test\n250 AUTH {' '.join(mechanisms)}"


def auth_commands(server):
    return [
        command for command in server.commands if command.upper().startswith("AUTH")
    ]


# --- Passwords --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "encrypted", "chosen"),
    [
        ("CRAM-MD5 PLAIN LOGIN", False, "CRAM-MD5"),
        ("CRAM-MD5 PLAIN LOGIN", True, "PLAIN"),
        ("login plain", True, "PLAIN"),
        ("LOGIN CRAM-MD5", True, "LOGIN"),
        ("CRAM-MD5 NTLM", True, "CRAM-MD5"),
        ("LOGIN", False, "LOGIN"),
    ],
)
def test_the_best_mechanism_comes_first(offered, encrypted, chosen):
    assert password_mechanisms(offered, encrypted=encrypted)[0] == chosen


def test_plain():
    with ScriptedServer(ehlo=offering("LOGIN", "PLAIN")) as server:
        connect(options_for(server, username=USER, password=PASSWORD)).quit()
    assert auth_commands(server) == [f"AUTH PLAIN {PLAIN_RESPONSE}"]


@pytest.mark.parametrize("asks_twice", [False, True])
def test_login(asks_twice):
    name, word = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"
    answers = {b64(USER): word, "": "235 welcome"}
    with ScriptedServer(
        ehlo=offering("LOGIN"), auth=name if asks_twice else word, answer=answers
    ) as server:
        connect(options_for(server, username=USER, password=PASSWORD)).quit()
    expected = [f"AUTH LOGIN {b64(USER)}", b64(USER), b64(PASSWORD)]
    assert server.commands[1:-1] == (expected if asks_twice else expected[::2])


def test_cram_md5():
    challenge = "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
    with ScriptedServer(ehlo=offering("PLAIN", "CRAM-MD5"), auth=challenge) as server:
        # The example of RFC 2195 section 2.
        connect(options_for(server, username="tim", password="tanstaaftanstaaf")).quit()
    assert server.commands[1:3] == [
        "AUTH CRAM-MD5",
        b64("tim b913a602c7eda7a495b4e6e7334d3890"),
    ]


@pytest.mark.parametrize(
    "code", ["535 5.7.8 wrong", "534 5.7.9 weak", "454 4.7.0 later"]
)
def test_a_password_is_tried_once(code):
    with (
        ScriptedServer(
            ehlo=offering("CRAM-MD5", "PLAIN", "LOGIN"), auth=code
        ) as server,
        pytest.raises(smtplib.SMTPAuthenticationError) as caught,
    ):
        connect(options_for(server, username=USER, password=PASSWORD))
    assert caught.value.smtp_code == int(code[:3])
    assert len(auth_commands(server)) == 1


def test_a_mechanism_that_is_unknown_after_all_was_no_try():
    auth = {"CRAM-MD5": "504 5.5.4 unrecognized", "": "235 ok"}
    with ScriptedServer(ehlo=offering("CRAM-MD5", "PLAIN"), auth=auth) as server:
        connect(options_for(server, username=USER, password=PASSWORD)).quit()
    assert [command.split()[1] for command in auth_commands(server)] == [
        "CRAM-MD5",
        "PLAIN",
    ]


@pytest.mark.parametrize("offered", ["250 test", offering("NTLM", "GSSAPI")])
def test_no_way_to_log_in(offered):
    with ScriptedServer(ehlo=offered) as server, pytest.raises(smtplib.SMTPException):
        connect(options_for(server, username=USER, password=PASSWORD))


@pytest.mark.parametrize("challenge", ["334 VXNlcm5hbWU6", "334 not base64", "334"])
def test_a_server_that_asks_on_and_on(challenge):
    with (
        ScriptedServer(
            ehlo=offering("CRAM-MD5"), auth=challenge, answer=challenge
        ) as server,
        pytest.raises(smtplib.SMTPException),
    ):
        connect(options_for(server, username=USER, password=PASSWORD))
    assert len(server.commands) < 10


@pytest.mark.parametrize("word", ["p\xe4ssword-of-mine", "abcd\xa0efgh"])
def test_a_password_outside_ascii_is_in_no_error(word):
    with (
        ScriptedServer(ehlo=offering("PLAIN")) as server,
        pytest.raises(UnicodeEncodeError) as caught,
    ):
        connect(options_for(server, username=USER, password=word))
    assert word not in repr(caught.value.args)
    assert (r"\xa0" in str(caught.value)) is ("\xa0" in word)
    assert auth_commands(server) == []


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_secrets_are_in_no_error_repr_transcript_or_debugging(mechanism):
    sent = PLAIN_RESPONSE if mechanism == "PLAIN" else b64(PASSWORD)
    echo = f"535 5.7.8 {PASSWORD} {sent} wrong"
    script = {"auth": echo} if mechanism == "PLAIN" else {}
    if not script:
        script = {"auth": "334 UGFzc3dvcmQ6", "answer": echo}
    printed = io.StringIO()
    with ScriptedServer(ehlo=offering(mechanism), **script) as server:
        options = options_for(server, username=USER, password=PASSWORD)
        with recording() as transcript, contextlib.redirect_stderr(printed):
            session = SMTP(server.host, server.port, local_hostname="client")
            session.set_debuglevel(1)
            with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                session.login(USER, PASSWORD)
            session.close()
    shown = "\n".join(
        [
            "".join(traceback.format_exception(caught.value)),
            repr(caught.value.__dict__),
            repr(options),
            repr(session),
            repr(session.__dict__),
            repr(transcript.lines),
            printed.getvalue(),
        ]
    )
    for secret in (PASSWORD, b64(PASSWORD), PLAIN_RESPONSE):
        assert secret not in shown
    assert "ehlo" in printed.getvalue()


# --- Access tokens ----------------------------------------------------------------------

XOAUTH2 = f"user={USER}\x01auth=Bearer tok-1\x01\x01"
REFUSED = "334 eyJzdGF0dXMiOiI0MDAifQ=="


def test_xoauth2():
    with ScriptedServer(ehlo=offering("PLAIN", "OAUTHBEARER", "XOAUTH2")) as server:
        connect(options_for(server, username=USER, token=lambda: "tok-1")).quit()
    assert auth_commands(server) == [f"AUTH XOAUTH2 {b64(XOAUTH2)}"]


def test_oauthbearer():
    user = "a=b,c@example.com"
    with ScriptedServer(ehlo=offering("OAUTHBEARER")) as server:
        connect(options_for(server, username=user, token=lambda: "tok-1")).quit()
    [command] = auth_commands(server)
    assert base64.b64decode(command.split()[2]).decode() == (
        f"n,a=a=3Db=2Cc@example.com,\x01host={server.host}\x01port={server.port}"
        "\x01auth=Bearer tok-1\x01\x01"
    )


@pytest.mark.parametrize(
    ("mechanism", "answer"), [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")]
)
def test_a_refused_token_is_renewed_once_and_no_more(mechanism, answer):
    asked = []

    def token(force=False):
        asked.append(force)
        return f"tok-{len(asked)}"

    with (
        ScriptedServer(
            ehlo=offering(mechanism), auth=REFUSED, answer="535 5.7.8 tok-1 is bad"
        ) as server,
        pytest.raises(smtplib.SMTPAuthenticationError) as caught,
    ):
        connect(options_for(server, username=USER, token=token))
    assert caught.value.smtp_code == 535
    assert asked == [False, True]
    assert len(auth_commands(server)) == 2
    assert [c for c in server.commands if c == answer] == [answer] * 2
    assert "tok-" not in "".join(traceback.format_exception(caught.value))


def test_the_renewed_token_is_the_one_that_works():
    given = iter(["tok-1", "tok-2"])
    auth = {b64(XOAUTH2): REFUSED, "": "235 welcome"}
    with ScriptedServer(
        ehlo=offering("XOAUTH2"), auth=auth, answer="535 5.7.8 expired"
    ) as server:
        connect(options_for(server, username=USER, token=lambda: next(given))).quit()
    assert len(auth_commands(server)) == 2


def test_the_same_token_again_is_not_tried_again():
    with (
        ScriptedServer(ehlo=offering("XOAUTH2"), auth="535 5.7.8 no") as server,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        connect(options_for(server, username=USER, token=lambda: "tok-1"))
    assert len(auth_commands(server)) == 1


def test_a_server_that_closes_after_its_refusal():
    auth = {b64(XOAUTH2): "535 5.7.8 expired", "": CLOSE}
    given = iter(["tok-1", "tok-2"])
    with (
        ScriptedServer(ehlo=offering("XOAUTH2"), auth=auth) as server,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        connect(options_for(server, username=USER, token=lambda: next(given)))


def test_a_token_goes_to_another_machine_over_tls_only():
    with ScriptedServer(ehlo=offering("XOAUTH2")) as server:
        session = SMTP(server.host, server.port, local_hostname="client")
        session._host = "mail.example.com"
        with pytest.raises(smtplib.SMTPNotSupportedError, match="over TLS only"):
            session.login_with_token(USER, Tokens(lambda: "tok-1"))
        session.close()
    assert auth_commands(server) == []


def test_tokens_are_kept_until_shortly_before_they_expire():
    made = []

    def provider():
        made.append(f"tok-{len(made)}")
        return made[-1], time.time() + lifetime

    tokens = Tokens(provider, early=60)
    lifetime = 3600
    assert [tokens.current(), tokens.current()] == ["tok-0", "tok-0"]
    lifetime = 59
    assert tokens.renew("tok-0") == "tok-1"
    assert tokens.current() == "tok-2"


def test_a_token_that_another_thread_has_renewed_is_taken():
    expires = datetime.now(UTC) + timedelta(hours=1)
    tokens = Tokens(lambda: ("new", expires))
    assert tokens.current() == "new"
    assert tokens.renew("old") == "new"


def test_tokens_without_an_expiry_are_asked_for_each_time():
    given = iter("ab")
    tokens = Tokens(lambda: next(given))
    assert [tokens.current(), tokens.current()] == ["a", "b"]


@pytest.mark.parametrize("answer", [None, "", 5, (b"bytes", 1)])
def test_a_provider_that_gives_no_token(answer):
    with pytest.raises(TypeError, match="The token provider returned"):
        Tokens(lambda: answer).current()
    assert repr(Tokens(lambda: answer)) == "<Tokens>"
