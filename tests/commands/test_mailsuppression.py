"""The do-not-mail list in a terminal."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from django_mailplus.management.progress import Progress
from django_mailplus.suppression.lookup import is_suppressed
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import suppress

BOB = "bob@example.com"

pytestmark = pytest.mark.django_db


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("mailsuppression", *words, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue(), err.getvalue(), str(error)
    return out.getvalue(), err.getvalue(), ""


def test_add_show_remove():
    assert run("show", BOB)[0] == "It is not on the list.\n"
    assert run("add", f"Bob <{BOB}>")[0] == "It is on the list (manual).\n"
    assert is_suppressed(BOB)
    told = run("add", BOB, "--reason", "complaint", "--detail", "by phone")[0]
    assert told == "It is on the list (complaint).\n"
    assert "It was there already." in run("add", BOB)[0]
    head, first, second = run("show", "BOB@Example.com")[0].splitlines()
    assert head.split()[:3] == ["reason", "stream", "since"]
    assert first.split()[:2] == ["manual", "all"]
    assert "by phone" in second
    assert run("remove", BOB, "--reason", "complaint")[0] == (
        "1 entry taken off the list.\n"
    )
    assert run("remove", BOB)[0] == "1 entry taken off the list.\n"
    assert "no such entry" in run("remove", BOB)[2]


def test_for_some_days_and_one_stream():
    run("add", BOB, "--stream", "news", "--days", "3")
    entry = Suppression.objects.get()
    assert (entry.stream, entry.source) == ("news", "mailsuppression")
    left = entry.expires_at - timezone.now()
    assert timedelta(days=2) < left < timedelta(days=3, minutes=1)
    assert not is_suppressed(BOB)
    assert is_suppressed(BOB, stream="news")


def test_a_stream_that_nobody_knows_is_told_of(settings, tmp_path):
    settings.MAILPLUS = {"BULK_STREAMS": {"news": "News", "offers": "Offers"}}
    out, err, _ = run("add", BOB, "--stream", "nwes")
    assert out == "It is on the list for the stream 'nwes' (manual).\n"
    assert "has no stream 'nwes' (there are: news, offers)" in err
    path = tmp_path / "list.csv"
    path.write_text(f"email\n{BOB}\n")
    words = ["import", str(path), "--reason", "unsubscribe", "--stream"]
    assert "has no stream 'nwes'" in run(*words, "nwes")[1]
    assert run(*words, "news")[1] == ""
    # Of a reason that stops all mail the stream is not kept.
    told = run("add", BOB, "--reason", "hard_bounce", "--stream", "offers")
    assert told[0] == "It is on the list (hard_bounce).\n"
    assert told[1] == "hard_bounce holds for all streams, not for one.\n"
    path.write_text(f"email,reason\n{BOB},bounce\nann@example.com,unsubscribe\n")
    told = run("import", str(path), "--stream", "news")
    assert "1 entry for one stream will hold for all" in told[1]
    assert is_suppressed(BOB, stream="offers")
    assert not is_suppressed("ann@example.com", stream="offers")


MISTAKES = [
    (["add", "bob"], "no address"),
    (["add", BOB, "--reason", "compliant"], "Did you mean 'complaint'?"),
    (["add", BOB, "--days", "0"], "'0' is no whole number of days, 1 or more"),
    (["add", BOB, "--days", "x"], "'x' is no whole number of days, 1 or more"),
    (["add", f"{BOB},carol@example.com"], "several addresses"),
    (["show", f"{BOB},carol@example.com"], "several addresses"),
    (["show", "bob"], "no address"),
    (["export", "/nowhere/list.csv"], "No such file or directory"),
    (["import", "/nowhere/list.csv"], "No such file or directory"),
    (["imprt", "x"], "Did you mean 'import'?"),
]


@pytest.mark.parametrize(("words", "text"), MISTAKES)
def test_mistakes(words, text):
    assert text in run(*words)[2]
    assert not Suppression.objects.exists()


def test_there_and_back(tmp_path):
    for number in range(1_200):
        suppress(f"p{number}@example.com", reason=Reason.COMPLAINT)
    suppress(BOB, reason=Reason.UNSUBSCRIBE, stream="news")
    path = tmp_path / "list.csv"
    assert run("export", str(path))[0] == f"1,201 entries in {path}.\n"
    printed = run("export", "--reason", "unsubscribe")[0].splitlines()
    assert len(printed) == 2
    assert printed[1].startswith(f"{BOB},unsubscribe,news,")
    Suppression.objects.all().delete()
    dry = run("import", str(path), "--dry-run")[0]
    assert dry == "Dry run: 1,201 would be added, 0 there already.\n"
    assert not Suppression.objects.exists()
    assert run("import", str(path))[0] == "1,201 added, 0 there already.\n"
    assert run("import", str(path))[0] == "0 added, 1,201 there already.\n"
    assert is_suppressed("p1199@example.com")
    Suppression.objects.filter(stream="news").update(
        expires_at=timezone.now() + timedelta(days=1)
    )
    dry = run("import", str(path), "--dry-run")[0]
    assert (
        dry == "Dry run: 0 would be added, 1 would last longer, 1,200 there already.\n"
    )
    told = run("import", str(path))[0]
    assert told == "0 added, 1 last longer, 1,200 there already.\n"


def test_a_list_that_cannot_be_read_leaves_the_last_export_alone(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("of yesterday")
    with connection.execute_wrapper(_out_of_order), pytest.raises(DatabaseError):
        run("export", str(path))
    assert path.read_text() == "of yesterday"


def _out_of_order(*args):
    raise DatabaseError


def test_lines_that_are_no_entries_are_told_of(tmp_path, settings):
    path = tmp_path / "list.csv"
    settings.MAILPLUS = {"BULK_STREAMS": {"news": "News"}}
    path.write_text("email\nbob@example.com\nnobody\ncarol@example.com\n")
    out, err, failed = run(
        "import", str(path), "--reason", "manual", "--stream", "news"
    )
    assert out == "2 added, 0 there already.\n"
    assert err == "Line 3 has no address.\n"
    assert "1 line could not be taken over" in failed
    assert is_suppressed(BOB, stream="news")


@pytest.mark.parametrize("content", [b"", b"name\nbob\n", b"email\n\xff@b.org\n"])
def test_files_that_are_no_lists(tmp_path, content):
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    assert str(path) in run("import", str(path), "--reason", "manual")[2]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(Progress, "every", 0.0)
    path = tmp_path / "list.csv"
    lines = "".join(f"p{number}@example.com\n" for number in range(1_100))
    path.write_text(f"email\n{lines}")
    terminal = Terminal()
    words = ["mailsuppression", "import", str(path), "--reason", "manual"]
    call_command(*words, stdout=io.StringIO(), stderr=terminal)
    shares = [int(share) for share in re.findall(r"(\d+)%", terminal.getvalue())]
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (3, 100)
    assert "1,100 entries" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert run(*words[1:])[1] == ""
