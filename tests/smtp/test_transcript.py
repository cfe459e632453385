"""The recorder: what it keeps, and what it must never keep."""

from __future__ import annotations

import base64
import smtplib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import ScriptedServer

from django_mailplus.smtp import transcript as module
from django_mailplus.smtp.transcript import Transcript, masked, recording


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def text_of(transcript: Transcript) -> str:
    return "\n".join(f"{direction}: {line}" for direction, line in transcript.lines)


def test_lines_are_kept_in_order_with_their_direction():
    transcript = Transcript()
    transcript.note("connected to h:25")
    transcript.received(b"220 h ready\r\n")
    transcript.sent(b"ehlo me\r\n")
    transcript.received(b"250-h\r\n250 SIZE 1000\r\n")
    assert transcript.lines == [
        ("*", "connected to h:25"),
        ("S", "220 h ready"),
        ("C", "ehlo me"),
        ("S", "250-h"),
        ("S", "250 SIZE 1000"),
    ]


def test_each_line_is_handed_on_at_once():
    seen = []
    transcript = Transcript(lambda *pair: seen.append(pair))
    transcript.sent("NOOP\r\n")
    assert seen == [("C", "NOOP")]


def test_an_initial_response_is_masked():
    transcript = Transcript()
    transcript.sent(b"AUTH PLAIN " + b64("\0user\0hunter2") + b"\r\n")
    transcript.received(b"235 2.7.0 ok\r\n")
    assert transcript.lines == [("C", "AUTH PLAIN ****"), ("S", "235 2.7.0 ok")]


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b""])
def test_every_answer_to_a_challenge_is_masked(line_end):
    transcript = Transcript()
    transcript.sent(b"auth LOGIN" + line_end)
    transcript.received(b"334 VXNlcm5hbWU6\r\n")
    transcript.sent(b64("user") + line_end)
    transcript.received(b"334 UGFzc3dvcmQ6\r\n")
    transcript.sent(b64("hunter2") + line_end)
    transcript.received(b"535 5.7.8 no\r\n")
    assert [line for direction, line in transcript.lines if direction == "C"] == [
        "auth LOGIN",
        "****",
        "****",
    ]


def test_commands_after_the_login_are_shown_again():
    transcript = Transcript()
    transcript.sent(b"AUTH PLAIN eA==\r\n")
    transcript.received(b"235-more\r\n235 ok\r\n")
    transcript.sent(b"MAIL FROM:<a@b>\r\n")
    assert transcript.lines[-1] == ("C", "MAIL FROM:<a@b>")


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=4))
def test_a_server_that_echoes_the_password_is_masked_too(password):
    transcript = Transcript()
    secret = f"zq{password}"
    line = b64(f"\0user\0{secret}")
    transcript.sent(b"AUTH PLAIN " + line + b"\r\n")
    transcript.received(
        b"535-no " + line + b"\r\n535 bad password " + secret.encode() + b"\r\n"
    )
    transcript.sent(
        b"AUTH XOAUTH2 " + b64(f"user=u\x01auth=Bearer {secret}\x01\x01") + b"\r\n"
    )
    transcript.received(b"535 bad token " + secret.encode() + b"\r\n")
    text = text_of(transcript)
    assert secret not in text
    assert line.decode() not in text


def test_the_content_of_a_message_becomes_its_number_of_bytes():
    transcript = Transcript()
    transcript.sent(b"DATA\r\n")
    transcript.received(b"354 go on\r\n")
    transcript.sent(b"Subject: x\r\n\r\n")
    transcript.sent(b"AUTH PLAIN is what this mail is about\r\n.\r\n")
    transcript.received(b"250 2.0.0 queued\r\n")
    transcript.sent(b"QUIT\r\n")
    assert transcript.lines == [
        ("C", "DATA"),
        ("S", "354 go on"),
        ("C", "<56 bytes>"),
        ("S", "250 2.0.0 queued"),
        ("C", "QUIT"),
    ]


def test_pipelined_commands_are_lines_of_their_own_and_content_still_is_content():
    transcript = Transcript()
    transcript.sent(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n")
    transcript.received(b"250 ok\r\n")
    transcript.received(b"550 no such user\r\n")
    transcript.received(b"250 ok\r\n354 go\r\n")
    transcript.sent(b"secret body\r\n.\r\n")
    transcript.received(b"250 queued\r\n")
    assert "secret body" not in text_of(transcript)
    assert [line for direction, line in transcript.lines if direction == "C"] == [
        "MAIL FROM:<a@b>",
        "RCPT TO:<c@d>",
        "RCPT TO:<e@f>",
        "DATA",
        "<16 bytes>",
    ]


def test_chunks_of_bdat_are_content():
    transcript = Transcript()
    transcript.sent(b"BDAT 6 LAST\r\nsecretQUIT\r\n")
    assert transcript.lines == [("C", "BDAT 6 LAST"), ("C", "<6 bytes>"), ("C", "QUIT")]


def test_control_characters_never_reach_a_terminal():
    transcript = Transcript()
    transcript.received(b"250 \x1b[2J\x07\xc2\x9b8m hi\r\n")
    assert transcript.lines == [("S", "250 ?[2J??8m hi")]


def test_a_line_is_cut_where_nobody_would_read_on():
    transcript = Transcript()
    transcript.received(b"250 " + b"x" * 5000 + b"\r\n")
    assert len(transcript.lines[0][1]) == 2000


def test_without_recording_there_is_no_current_transcript():
    assert module.current() is None


def test_recordings_nest_and_end():
    with recording() as outer:
        with recording() as inner:
            assert module.current() is inner
        assert module.current() is outer
    assert module.current() is None


def test_a_recording_belongs_to_its_own_thread():
    seen = []
    with recording():
        thread = threading.Thread(target=lambda: seen.append(module.current()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_the_longest_secret_is_masked_first():
    assert masked("abc abcd", secrets=["abc", "abcd", ""]) == "**** ****"


class _Recorded(smtplib.SMTP):
    """How a connection uses the recorder, with smtplib's own state machine."""

    def send(self, s):
        module.current().sent(s)
        super().send(s)

    def getreply(self):
        code, text = super().getreply()
        module.current().received(b"%d %s" % (code, text))
        return code, text


def test_every_mechanism_of_smtplib_is_masked():
    password = "hunter2-hunter2"
    with (
        ScriptedServer(
            ehlo="250-h\n250 AUTH CRAM-MD5 PLAIN LOGIN", auth="535 5.7.8 no"
        ) as server,
        recording() as transcript,
        _Recorded(server.host, server.port, timeout=5) as client,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        client.login("user@example.com", password)
    sent = [line for direction, line in transcript.lines if direction == "C"]
    assert len([line for line in sent if line.upper().startswith("AUTH")]) == 3
    for form in (password, "user@example.com", f"\0user@example.com\0{password}"):
        assert form not in text_of(transcript)
        assert b64(form).decode() not in text_of(transcript)


def test_challenges_of_smtplib_are_masked():
    with (
        ScriptedServer(
            ehlo="250-h\n250 AUTH LOGIN",
            auth="334 UGFzc3dvcmQ6",
            answer="535 5.7.8 no",
        ) as server,
        recording() as transcript,
        _Recorded(server.host, server.port, timeout=5) as client,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        client.login("user", "hunter2-hunter2")
    assert ("C", "****") in transcript.lines
    assert b64("hunter2-hunter2").decode() in server.commands
    assert b64("hunter2-hunter2").decode() not in text_of(transcript)
