"""What a terminal shows of a mail."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.core.management.color import color_style, no_style
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.mailserver.printing import Printer
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer


def received(raw: bytes, **changes) -> ReceivedMail:
    values = {
        "number": 7,
        "received_at": datetime(2026, 1, 2, 12, 0, tzinfo=UTC),
        "mail_from": "bounce@example.com",
        "rcpt_to": ("zoe@example.com", "hidden@example.com"),
        "raw": raw,
        "peer": "127.0.0.1:1",
    }
    return ReceivedMail(**{**values, **changes})


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Müllers Laden <shop@example.com>"
    message["To"] = "Zoë <zoe@example.com>"
    message["Subject"] = "Größe & Preis ✓"
    message["Message-ID"] = "<1@example.com>"
    message["X-Order"] = "4711"
    message.set_content("Schöne Grüße\n\nhttps://shop.example.com/ja?t=abc_\n")
    return message


def printed(raw: bytes, *, quiet=False, style=None, out=None, **changes) -> str:
    out = out or io.StringIO()
    Printer(out, style=style or no_style(), quiet=quiet).mail(received(raw, **changes))
    return out.getvalue()


def test_a_multipart_mail_is_laid_out_for_reading():
    message = letter()
    message.add_alternative("<p>Schöne Grüße</p>", subtype="html")
    message.add_attachment(
        b"x" * 12_345,
        maintype="application",
        subtype="pdf",
        filename="Rechnung März.pdf",
    )

    lines = printed(message.as_bytes()).splitlines()

    assert re.fullmatch(r"── Mail 7 · \d\d:\d\d:\d\d · 1\d\.\d kB ─+", lines[0])
    assert lines[1:] == [
        "Envelope  bounce@example.com → zoe@example.com, hidden@example.com",
        "From      Müllers Laden <shop@example.com>",
        "To        Zoë <zoe@example.com>",
        "Subject   Größe & Preis ✓",
        "X-Order   4711",
        "",
        "  Schöne Grüße",
        "",
        "  https://shop.example.com/ja?t=abc_",
        "",
        "HTML part  23 bytes",
        "Attachments",
        "  Rechnung März.pdf  application/pdf, 12.3 kB",
        "Links",
        "  https://shop.example.com/ja?t=abc_",
        "",
    ]


def test_tls_and_log_in_are_in_the_title():
    title = printed(letter().as_bytes(), tls=True, username="ann").splitlines()[0]
    assert " · TLS · logged in as ann ──" in title


def test_the_null_sender_is_shown_as_such():
    assert "Envelope  <> → " in printed(letter().as_bytes(), mail_from="")


def test_a_mail_without_text_says_so_and_lists_the_links_of_its_html():
    html = b"Content-Type: text/html\r\n\r\n<a href='https://a.example/?x=1&amp;y=2'>yes</a>"
    text = printed(html)
    assert "(This mail has no text part; its HTML part has 48 bytes.)" in text
    assert "\nLinks\n  https://a.example/?x=1&y=2\n" in text


def test_quiet_prints_one_line():
    text = printed(letter().as_bytes(), quiet=True)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d  bounce@example\.com → zoe@example\.com, hidden@example\.com"
        r"  Größe & Preis ✓\n",
        text,
    )
    assert "(no subject)" in printed(b"", quiet=True)


def test_long_mails_are_cut_and_the_rest_is_counted():
    text = printed(b"\r\n" + b"line\r\n" * 1_000)
    assert text.count("  line\n") == 300
    assert "(and 700 more lines)" in text
    many = tuple(f"{number}@example.com" for number in range(100))
    assert "29@example.com, (and 70 more)" in printed(b"\r\n", rcpt_to=many)
    assert len(printed(b"Subject: " + b"x" * 100_000 + b"\r\n\r\n")) < 3_000


def test_a_stream_in_another_encoding_gets_question_marks_instead_of_an_error():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    Printer(out, style=no_style()).mail(received(letter().as_bytes()))
    text = out.buffer.getvalue().decode()
    assert text.startswith("-- Mail 7 | ")
    assert "bounce@example.com -> zoe" in text
    assert "Gr??e & Preis ?" in text


EVIL = "\x1b]0;title\x07\x1b[2J\x9b31m\x00\x08\r\x7f\u202e"


def control_characters(text: str) -> list[str]:
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("quiet", [False, True])
def test_hostile_mails_print_no_control_character(quiet):
    evil = EVIL.encode()
    raw = (
        b"From: "
        + evil.replace(b"\r", b"")
        + b"\r\nSubject: =?utf-8?b?G1sySpszMW0=?=\r\n"
        b"X-\x1b[2J: y\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        + evil
        + b"\r\n"
        b"https://a.example/" + evil + b"\r\n--b\r\nContent-Type: x/y\x1b[2J\r\n"
        b'Content-Disposition: attachment; filename="\x1b[2J.txt"\r\n\r\nx\r\n--b--\r\n'
    )
    text = printed(raw, quiet=quiet, mail_from=EVIL, rcpt_to=(EVIL,), username=EVIL)
    assert control_characters(text) == []
    assert "␛" in text


@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=20))
def test_no_mail_and_no_envelope_can_break_the_printer(raw, mail_from, rcpt_to):
    text = printed(raw, mail_from=mail_from, rcpt_to=(rcpt_to,))
    assert control_characters(text) == []


def test_colour_is_the_style_given_and_nothing_else():
    coloured = printed(letter().as_bytes(), style=color_style(force_color=True))
    plain = printed(letter().as_bytes())
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_refusals_are_printed_in_one_safe_line():
    out = io.StringIO()
    Printer(out, style=no_style()).refused("Refused a\x1b[2J\n@b with 550.")
    assert out.getvalue() == "Refused a␛[2J @b with 550.\n"


def banner(certificate: Path | None = None, **options) -> str:
    out = io.StringIO()
    server = MailServer(on_message=print, **options)
    Printer(out, style=no_style()).banner(server, certificate=certificate)
    return out.getvalue()


def test_the_banner_holds_settings_that_send_to_the_server():
    text = banner(port=8025)
    settings: dict = {}
    exec(re.search(r"MAILERS = \{.*?\n    \}", text, re.DOTALL)[0], settings)  # noqa: S102
    assert settings["MAILERS"] == {
        "default": {
            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 8025},
        }
    }
    assert text.startswith("Mail server for development on 127.0.0.1:8025\n")
    assert text.endswith("\nQuit with CONTROL-C.\n\n")


def test_the_banner_tells_of_log_in_tls_and_refusals_but_no_password():
    text = banner(
        Path("/somewhere/certificate.pem"),
        username="ann",
        password="s3cret",
        starttls=True,
        fail={"gone@example.com": 550},
    )
    assert '"username": "ann", "password": "...", "use_tls": True' in text
    assert "SSL_CERT_FILE=/somewhere/certificate.pem python manage.py runserver" in text
    assert "It refuses gone@example.com with 550." in text
    assert "s3cret" not in text


def test_the_banner_warns_when_every_interface_is_open_and_names_a_host_to_send_to():
    text = banner(host="0.0.0.0")  # noqa: S104
    assert '"host": "127.0.0.1"' in text
    assert "Everybody who reaches this machine can send mail to it." in text
