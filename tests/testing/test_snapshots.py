"""What a snapshot of a mail says, and that it says the same tomorrow."""

from __future__ import annotations

import datetime
import unittest

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone, translation
from django.utils.formats import date_format

from django_mailplus.testing import MailAssertionsMixin, SentMail
from django_mailplus.testing.pretty import pretty
from django_mailplus.testing.snapshots import Snapshots, snapshot_name
from django_mailplus.testing.steadying import steady

GOLDEN = """\
Subject: Your code is <code>
From: shop@example.com
To: ann@example.com
Cc: bob@example.com
Attachment: terms.txt (text/plain)

--- text ---
Hello, Ann!

Your code: <code>, good until <now>

http://localhost:<port>/reset/<uid>/<token>/
https://shop.example.com/verify/?token=<token>&next=/cart/2/
Order 2024-17 of <today>, 9.90 EUR, ticket <uuid>

© <year> The shop

--- html ---
<!DOCTYPE html>
<html>
  <head>
    <style>
      p { color: red }
    </style>
  </head>
  <body>
    <!--[if mso]><br><![endif]-->
    <p class="lead" style="margin: 0">
      Code
      <b>
        <code>
      </b>
      &amp; more
    </p>
    <img src="cid:<image 1>">
    <img src="cid:<image 2>">
    <img src="cid:<image 1>">
    <a href="http://localhost:<port>/reset/<uid>/<token>/">
      Go
    </a>
  </body>
</html>
"""


def mail(seed=0):
    """Two mails of this kind are the same but for what changes by itself."""
    now = timezone.localtime()
    code, token = f"48{seed}913", f"c{seed}x2f1-" + f"{seed}" * 32
    signed = f"eyJhbGciOi{seed}:1tXY{seed}z:" + f"aB{seed}_-" * 8
    ticket = f"{seed}1234567-89ab-cdef-0123-456789abcdef"
    reset = f"http://localhost:{40000 + seed}/reset/M{seed}/{token}/"
    text = f"""Hello, Ann!\r

Your code: {code[:3]} {code[3:]}, good until {date_format(now, "DATETIME_FORMAT")}

{reset}
https://shop.example.com/verify/?token={signed}&next=/cart/2/
Order 2024-17 of {now.date().isoformat()}, 9.90 EUR, ticket {ticket}{" " * 3}

© {now.year} The shop
"""
    html = f"""<!DOCTYPE html><html><head><style>
  p {{ color: red }}</style></head>
<body><!--[if mso]><br><![endif]--><p style="margin:
 0" class=lead>Code   <b>{code}</b> &amp; more</p><img src="cid:a{seed}@x"><img src='cid:b{seed}'
><img src="cid:a{seed}@x"/><a href="{reset}">Go</a></body></html>"""
    message = EmailMultiAlternatives(
        f"Your code is {code}",
        text,
        "Shop <shop@example.com>",
        ["ann@example.com"],
        cc=["bob@example.com"],
    )
    message.attach_alternative(html, "text/html")
    message.attach("terms.txt", "Terms", "text/plain")
    return SentMail.of(message)


@pytest.fixture
def snapshots(tmp_path):
    def make(*, update=False):
        return Snapshots(
            folder=tmp_path / "__mail_snapshots__",
            name="test_x.test_y",
            update=update,
            update_with="pytest --mail-snapshot-update",
        )

    return make


def test_what_changes_by_itself_has_a_name():
    assert steady(mail(3), {}) == GOLDEN


def test_two_runs_give_the_same():
    assert steady(mail(1), {}) == steady(mail(2), {})


def test_days_are_known_in_the_language_of_the_test():
    with translation.override("de"):
        today = date_format(timezone.localdate(), "DATE_FORMAT")
        message = EmailMultiAlternatives("x", f"Heute: {today}", "a@b.org", ["c@d.org"])
        assert "Heute: <today>" in steady(SentMail.of(message), {})
    assert "Heute: <today>" not in steady(SentMail.of(message), {})
    message.mailplus_origin = {"template": "x", "language": "de"}
    assert "Heute: <today>" in steady(SentMail.of(message), {})


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        # What `secrets` makes may have no digit: it did in one mail of fifteen.
        ("?t=poWxHpLkbCgqvOdI", "?t=<token>"),
        ("confirm/poWxHpLkbCgqvOdI/", "confirm/<token>/"),
        ("#poWxHpLkbCgqvOd1", "#<token>"),
        (f"?jwt=eyJhbGciOiJIUzI1NiJ9.{'aB3_' * 8}.{'-Xy7' * 8}", "?jwt=<token>"),
        (f"735:{'aB3_' * 8}/", "<token>/"),
        (f"reset/MTc/c9x2f1-{'1' * 32}/", "reset/<uid>/<token>/"),
        (f"u/17/c9x2f1-{'1' * 32}/", "u/<uid>/<token>/"),
        (f"reset/{'Nm1YNm' * 4}/c9x2f1-{'1' * 32}/", "reset/<uid>/<token>/"),
        (
            "e6b0a6f5-1d5c-4b8e-9f5b-0a1b2c3d4e5f/c9x2f1-" + "1" * 32,
            "<uid>/<token>",
        ),
        (
            "10-things-you-should-know-about-tea/",
            "10-things-you-should-know-about-tea/",
        ),
        ("unsubscribe-preferences/", "unsubscribe-preferences/"),
    ],
)
def test_tokens_have_a_name_and_what_a_link_is_for_stays(link, shown):
    text = f"https://shop.example/{link}"
    message = EmailMultiAlternatives("x", text, "a@b.org", ["c@d.org"])
    assert f"https://shop.example/{shown}\n" in steady(SentMail.of(message), {})


@pytest.mark.parametrize(
    "form",
    ["D, d M Y", "l, j F Y", "d/m/Y", "d.m.Y", "jS F Y", "F jS, Y", "N j, Y"],
)
def test_today_is_known_in_usual_forms(form):
    today = date_format(timezone.localdate(), form)
    message = EmailMultiAlternatives("x", f"On {today}.", "a@b.org", ["c@d.org"])
    assert "On <today>.\n" in steady(SentMail.of(message), {})


def test_the_hour_and_the_years_of_a_copyright_have_names_too():
    now = timezone.localtime()
    said = f"{date_format(now, 'r')}\n© 2019\u2013{now.year} Shop"
    message = EmailMultiAlternatives("x", said, "a@b.org", ["c@d.org"])
    shown = steady(SentMail.of(message), {})
    assert "<now>\n© 2019\u2013<year> Shop\n" in shown


def test_yesterday_stays():
    day = (timezone.localdate() - datetime.timedelta(days=7)).isoformat()
    message = EmailMultiAlternatives("x", day, "a@b.org", ["c@d.org"])
    assert day in steady(SentMail.of(message), {})


def test_a_project_names_what_else_changes():
    assert "Hello, <name>!" in steady(mail(), {"Ann": "<name>"})


def test_broken_html_is_shown_too():
    assert (
        pretty("</p><p>a<br/><b>c</i>\n d") == "<p>\n  a\n  <br>\n  <b>\n    c\n    d\n"
    )


def test_a_missing_snapshot_says_how_to_write_it(snapshots):
    with pytest.raises(AssertionError) as error:
        snapshots().check(mail())
    assert str(error.value) == (
        "There is no snapshot __mail_snapshots__/test_x.test_y.txt of <SentMail 'Your code "
        "is 480913' to ann@example.com, bob@example.com> yet. pytest --mail-snapshot-update "
        "writes it."
    )


def test_it_is_written_compared_and_shown_where_it_differs(snapshots, tmp_path):
    first = snapshots(update=True)
    first.check(mail(1))
    first.check(mail(1), "reminder")
    folder = tmp_path / "__mail_snapshots__"
    assert first.written == [
        folder / "test_x.test_y.txt",
        folder / "test_x.test_y~reminder.txt",
    ]
    assert first.written[0].read_text(encoding="utf-8") == GOLDEN
    snapshots().check(mail(2))
    again = snapshots(update=True)
    again.check(mail(2))
    assert again.written == []
    with pytest.raises(AssertionError) as error:
        snapshots().check(mail(2), replace={"Ann": "Eve"})
    assert str(error.value).endswith(
        "pytest --mail-snapshot-update writes __mail_snapshots__/test_x.test_y.txt anew.\n"
        "--- as it was\n"
        "+++ as it is\n"
        "@@ -5,7 +5,7 @@\n"
        " Attachment: terms.txt (text/plain)\n"
        " \n"
        " --- text ---\n"
        "-Hello, Ann!\n"
        "+Hello, Eve!\n"
        " \n"
        " Your code: <code>, good until <now>\n"
        " "
    )


def test_two_mails_of_a_test_need_names(snapshots):
    both = snapshots(update=True)
    both.check(mail())
    with pytest.raises(ValueError, match="Give the second a name"):
        both.check(mail())


def test_names_are_names_of_files():
    assert snapshot_name("test_a", "", "test_b") == "test_a.test_b"
    names = {snapshot_name("test_a", f"test_b[{x}]") for x in ("a/b", "a b", "a" * 300)}
    assert len(names) == 3
    assert all("/" not in name and len(name) < 130 for name in names)


def test_the_mix_in_keeps_them_beside_its_module(monkeypatch, tmp_path):
    class Case(MailAssertionsMixin, unittest.TestCase):
        def test_it(self):
            self.assertMailSnapshot(mail(), replace={"Ann": "<name>"})

    import sys

    monkeypatch.setattr(sys.modules[__name__], "__file__", str(tmp_path / "test_z.py"))

    def failures():
        return Case("test_it").run().failures

    [(_, text)] = failures()
    assert "MAIL_SNAPSHOT_UPDATE=1 in the environment writes it" in text
    monkeypatch.setenv("MAIL_SNAPSHOT_UPDATE", "1")
    assert failures() == []
    monkeypatch.delenv("MAIL_SNAPSHOT_UPDATE")
    assert failures() == []
    [path] = (tmp_path / "__mail_snapshots__").iterdir()
    assert path.name.startswith("test_z.test_the_mix_in_keeps")
