"""One mail: what became of it for everybody, and what it says, shown safely or not at all."""

from __future__ import annotations

import json

import pytest
from django.core.mail import EmailMessage
from outbox_admin_stage import (
    letter,
    needs_admin,
    page_of,
    put,
    refuse_one,
    somebody,
)

from django_mailplus.outbox import content
from django_mailplus.outbox.admin import mail_page
from django_mailplus.outbox.models import Attempt, Blob, Payload
from django_mailplus.viewer.frame import frame_headers

pytestmark = [pytest.mark.django_db, needs_admin]

READING = ("html", "source", "download", "attachment/0")


@pytest.fixture
def boss(client):
    return somebody(client, superuser=True)


def text_of(client, mail, more="change"):
    return client.get(page_of(mail, more)).content.decode()


def test_a_priority_is_a_word(boss):
    text = text_of(boss, put(options={"priority": "high"}))
    assert '<th scope="row">Priority</th><td>high</td>' in text


def test_the_envelope_every_try_and_every_recipient(boss):
    mail = put(
        letter(to=["bob@example.com", "carol@example.com"]),
        attempts=2,
        code=250,
        text="2.0.0 ok",
    )
    refuse_one(mail, "carol@example.com")
    for code in (451, 250):
        Attempt.objects.create(
            mail=mail,
            worker="w1",
            mailer="smtp",
            outcome="partial",
            code=code,
            text=f"said {code}",
        )
    text = text_of(boss, mail)
    for words in (
        "ann@example.com",
        "bob@example.com",
        mail.message_id[1:-1],
        "550 5.1.1 no such user",
        "451 said 451",
        "250 said 250",
        "w1",
    ):
        assert words in text
    assert text.index("250 said 250") < text.index("451 said 451")  # the newest first


def test_text_html_attachments_and_source(boss):
    message = letter(body="Plain words", html="<p>Rich words</p>")
    message.attach("a & b.pdf", b"x" * 2048, "application/pdf")
    mail = put(message)
    text = text_of(boss, mail)
    assert "Plain words" in text
    assert "Rich words" not in text  # but in the frame
    assert "a &amp; b.pdf" in text
    assert "2.0\xa0KB" in text
    assert (
        f'sandbox title="The HTML part of the mail" src="{page_of(mail, "html")}"'
        in text
    )
    frame = boss.get(page_of(mail, "html"))
    assert b"<p>Rich words</p>" in frame.content
    source = boss.get(page_of(mail, "source"))
    assert source["Content-Type"] == "text/plain; charset=utf-8"
    assert "Subject: Hello" in source.content.decode()
    raw = boss.get(page_of(mail, "download"))
    assert raw["Content-Disposition"] == f'attachment; filename="{mail.pk}.eml"'
    assert b"Subject: Hello\r\n" in raw.content


def test_an_attachment_is_for_a_file_and_no_browser_shows_it(boss):
    message = letter(body="Plain words")
    page = b"<script>alert(1)</script>\x00\xff"
    message.attach("page.html", page, "text/html")
    message.attach("Größe 日本.csv", "ä;b\r\n", "text/csv")
    mail = put(message)
    text = text_of(boss, mail)
    first, second = (page_of(mail, f"attachment/{number}") for number in (0, 1))
    assert f'href="{first}"><bdi>page.html<' in text
    assert f'href="{second}"' in text
    kept = boss.get(first)
    assert kept.content == page
    assert kept["Content-Type"] == "application/octet-stream"
    assert kept["Content-Disposition"] == 'attachment; filename="page.html"'
    assert kept["X-Content-Type-Options"] == "nosniff"
    assert kept["Referrer-Policy"] == "same-origin"
    assert kept["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in kept["Cache-Control"]
    other = boss.get(second)
    assert other.content.decode() == "ä;b\r\n"
    assert (
        "filename*=utf-8''Gr%C3%B6%C3%9Fe%20%E6%97%A5" in (other["Content-Disposition"])
    )
    assert boss.get(page_of(mail, "attachment/2")).status_code == 404


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.exe", "a.exe"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ('a"; filename="b.exe', "a__ filename__b.exe"),
        ("invoice\u202etxt.exe", "invoicetxt.exe"),
        ("x" * 300 + ".pdf", "x" * 76 + ".pdf"),
        ("..", "attachment-1"),
        ("", "attachment-1"),
    ],
)
def test_the_name_of_a_file_is_a_name_and_no_more(boss, told, name):
    message = letter()
    message.attach(told, b"x", "application/octet-stream")
    kept = boss.get(page_of(put(message), "attachment/0"))
    assert kept["Content-Disposition"] == f'attachment; filename="{name}"'


def test_the_frame_is_that_of_every_hostile_page(boss):
    message = letter(html="<script>x</script><a href='https://e.com'>x</a>")
    frame = boss.get(page_of(put(message), "html"))
    assert b"<script" not in frame.content
    assert b'rel="noopener noreferrer"' in frame.content
    for name, value in frame_headers(load_remote=False).items():
        assert value in frame[name]  # the admin forbids some more caches


@pytest.mark.parametrize("more", READING)
def test_what_a_mail_says_has_a_permission_of_its_own(client, more):
    viewer = somebody(client, "view_outboxmessage", "send_outboxmessage")
    mail = put(letter(html="<p>Rich words</p>"))
    assert viewer.get(page_of(mail, more)).status_code == 403
    text = text_of(viewer, mail)
    assert "Dear Bob" not in text
    assert "<iframe" not in text
    assert "You have no permission to read what mails say." in text


def test_whoever_may_read_reads(client):
    reader = somebody(client, "view_outboxmessage", "view_outbox_content")
    mail = put()
    assert "Dear Bob" in text_of(reader, mail)
    assert "Try now" not in text_of(reader, mail)


def test_a_sensitive_mail_is_read_by_nobody(boss):
    message = letter("Code 123456", "Code 123456", html="123456")
    message.attach("code.txt", "123456", "text/plain")
    mail = put(
        message,
        options={"sensitive": True},
        subject="Code 123456",
    )
    text = text_of(boss, mail)
    assert "123456" not in text
    assert "marked as sensitive" in text
    for more in READING:
        response = boss.get(page_of(mail, more))
        assert response.status_code == 404
        assert b"123456" not in response.content


def test_a_mail_whose_content_was_erased(boss):
    mail = put()
    Payload.objects.all().delete()
    assert "What this mail said has been erased." in text_of(boss, mail)
    for more in READING:
        assert boss.get(page_of(mail, more)).status_code == 404


@pytest.mark.parametrize(
    "document",
    [
        "",
        "nonsense",
        "{}",
        "[]",
        "null",
        '{"v": 99}',
        '{"v": 1, "class": "os.system"}',
        "[" * 100_000,
    ],
)
def test_a_broken_snapshot(boss, document):
    mail = put()
    Payload.objects.update(document=document)
    assert "cannot be read" in text_of(boss, mail)
    for more in READING:
        assert boss.get(page_of(mail, more)).status_code == 404


def test_a_lost_attachment(boss):
    message = letter()
    message.attach("big.bin", b"x" * 5_000, "application/octet-stream")
    mail = put(message)
    Blob.payloads.through.objects.all().delete()
    Blob.objects.all().delete()
    text = text_of(boss, mail)
    assert "cannot be read" in text
    assert "is missing" in text


def test_a_storage_that_fails(boss, monkeypatch):
    message = letter()
    message.attach("big.bin", b"x" * 5_000, "application/octet-stream")
    mail = put(message)

    def fail(digest):
        raise PermissionError("/secret/path")

    monkeypatch.setattr(content.blobs, "load", fail)
    text = text_of(boss, mail)
    assert "PermissionError" in text
    assert "/secret/path" not in text


def test_a_mail_that_is_too_large_for_a_page_can_be_downloaded(boss, monkeypatch):
    monkeypatch.setattr(content, "LARGEST_SHOWN", 10_000)
    message = letter()
    message.attach("big.bin", b"x" * 20_000, "application/octet-stream")
    mail = put(message)
    text = text_of(boss, mail)
    assert "too large to be shown" in text
    assert boss.get(page_of(mail, "attachment/0")).status_code == 404
    assert page_of(mail, "download") in text
    assert len(boss.get(page_of(mail, "download")).content) > 20_000


def test_long_texts_and_sources_are_cut(boss, monkeypatch):
    monkeypatch.setattr(mail_page, "_TEXT_SHOWN", 10)
    monkeypatch.setattr(mail_page, "_SOURCE_SHOWN", 100)
    mail = put(letter(body="0123456789 and more"))
    text = text_of(boss, mail)
    assert "0123456789" in text
    assert "and more" not in text
    assert "The rest is left out." in text
    assert "bytes is left out" in text_of(boss, mail, "source")


def test_hostile_words_are_words(boss):
    message = letter(
        "<script>1</script>",
        "</pre><script>2</script>\x00\x1b[31m\u202e",
        to=["<i>@example.com"],
    )
    message.attach("<script>3</script>.txt", b"x", "text/<b>")
    mail = put(
        message, text="<script>4</script>\u202e", claimed_by="<script>5</script>"
    )
    Attempt.objects.create(
        mail=mail,
        worker="<script>6</script>",
        mailer="<script>7</script>",
        outcome="<script>8",
        text="<script>9</script>\x9b",
    )
    refuse_one(mail, "<i>@example.com", "550 5.1.1 <script>0</script>")
    text = text_of(boss, mail)
    for n in range(10):
        assert f"<script>{n}" not in text
    for raw in ("\u202e", "\x1b", "\x00", "\x9b", "<i>@"):
        assert raw not in text


def test_a_message_that_wrote_itself_is_shown_from_its_bytes(boss):
    class Own(EmailMessage):
        def message(self, **options):
            built = super().message(**options)
            built["X-Own"] = "yes"
            return built

    mail = put(Own("Mine", "Own words", "ann@example.com", ["bob@example.com"]))
    assert "finished" in json.loads(Payload.objects.get().document)
    assert "Own words" in text_of(boss, mail)
    assert "X-Own: yes" in text_of(boss, mail, "source")
