"""mailqueue: what is in the outbox, and what people do about it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from commands.mailqueue_stage import on_terminal, run
from commands.worker_stage import mailers_for, rows, states, store
from django.core.mail import EmailMultiAlternatives
from django.core.management import CommandError, call_command
from django.utils import timezone
from scripted_server import ScriptedServer

from django_mailplus.outbox import retention
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import Attempt, OutboxMessage, Payload, Recipient
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import storing
from django_mailplus.widths import width_of

pytestmark = pytest.mark.django_db


SHOW = "All about one of them: manage.py mailqueue show ID"


@pytest.fixture(autouse=True)
def _mailers(with_mailers):
    with ScriptedServer() as server:
        with_mailers(mailers_for(server, aliases=("smtp", "bulk")))
        yield


def as_json(*arguments):
    return json.loads("\n".join(run(*arguments, "--json")))


def letter(subject="Größe 日本語", **options):
    message = EmailMultiAlternatives(
        subject, "Hello\x1b[2J there", "ann@example.com", ["bob@example.com", "c@d.org"]
    )
    message.attach_alternative("<b>Hello</b>", "text/html")
    message.attach("a\x1b.txt", "attached", "text/plain")
    [stored] = storing.store([(message, OutboxOptions(**options))], "smtp")
    return rows().get(pk=stored.id)


# --- Looking -------------------------------------------------------------------------


def test_an_empty_outbox():
    assert run("status") == ["The outbox is empty."]
    assert run("list") == ["There is no such mail."]
    assert as_json("list") == []
    assert as_json("status")["counts"]["queued"] == 0


def test_status_counts_by_mailer_and_state():
    store(1_200)
    store(2, "bulk")
    rows().filter(mailer="bulk").update(state="held")
    pausing.pause_by_hand("smtp", "moving\x1b[31m house")
    lines = run("status")
    assert lines[0].split() == [
        "mailer",
        "due",
        "oldest",
        "queued",
        "sending",
        "sent",
        "failed",
        "held",
    ]
    assert lines[1].split()[:2] == ["bulk", "0"]
    assert lines[2].startswith("smtp    1,200 ")
    assert lines[3].startswith("all     1,200 ")
    assert lines[4] == "smtp is paused by hand: moving␛[31m house"
    found = as_json("status")
    assert found["due"] == 1_200
    assert found["mailers"][0]["counts"]["held"] == 2
    assert found["mailers"][1]["paused_by_hand"] is True


def test_list_has_the_newest_first_and_filters():
    mails = store(3)
    store(1, "bulk")
    rows().filter(pk=mails[0].pk).update(state="failed")
    lines = run("list")
    assert lines[0].split() == ["id", "state", "mailer", "when", "to", "subject"]
    assert [line.split()[2] for line in lines[1:]] == ["bulk", "smtp", "smtp", "smtp"]
    assert run("list", "--state", "failed")[1].startswith(
        f"{mails[0].pk}  failed  smtp"
    )
    assert len(run("list", "--mailer", "smtp", "--limit", "2")) == 3
    assert len(run("list", "--limit", "0")) == 5
    assert [m["mailer"] for m in as_json("list", "--mailer", "bulk")] == ["bulk"]
    with pytest.raises(CommandError, match="--limit"):
        run("list", "--limit", "-1")


def test_a_terminal_gets_what_fits_and_a_pipe_gets_all():
    letter("日本語の件名 " * 20)
    for columns in (60, 80, 120):
        lines = on_terminal(columns, "list")
        assert max(map(width_of, lines)) <= columns
        assert lines[1].endswith("…")
    assert run("list")[1].endswith("日本語の件名")
    letter("short")
    wide = on_terminal(200, "list")
    assert len({width_of(line[: line.index("bob@")]) for line in wide[1:-1]}) == 1


def test_a_terminal_is_told_that_there_is_more():
    store(3)
    lines = on_terminal(100, "list", "--limit", "2")
    assert lines[-2:] == ["1 more; --limit 0 shows all.", SHOW]
    assert on_terminal(100, "list")[-1] == SHOW
    assert SHOW not in run("list")
    rows().delete()
    assert on_terminal(100, "list") == ["There is no such mail."]


def test_no_control_character_reaches_a_terminal():
    mail = letter("Hi\x1b]0;you\x07")
    said = "550 no\x1b[2J\x9b31m"
    rows().update(text=said, state="failed")
    Recipient.objects.create(mail=mail, address="bob@x\x1b", state="failed", text=said)
    Attempt.objects.create(
        mail=mail, worker="w\x1b", mailer="smtp", outcome="permanent", text=said
    )
    everything = [
        *run("list"),
        *run("show", str(mail.pk)),
        *run("show", str(mail.pk), "--content"),
        *run("list", "--json"),
        *run("show", str(mail.pk), "--json"),
        *on_terminal(100, "show", str(mail.pk), "--raw"),
    ]
    assert not [line for line in everything if not line.isprintable()]
    assert any("␛[2J" in line for line in everything)


def test_show_has_the_envelope_the_recipients_and_the_tries():
    mail = letter(priority="high", idempotency_key="order 7")
    Recipient.objects.create(
        mail=mail, address="bob@example.com", state="sent", code=250, text="ok"
    )
    Attempt.objects.create(
        mail=mail, worker="w:1", mailer="smtp", outcome="accepted", seconds=0.25
    )
    lines = run("show", str(mail.pk))
    text = "\n".join(lines)
    for fact in (
        f"Mail         {mail.pk}",
        "State        queued",
        "Priority     high",
        "Subject      Größe 日本語",
        "From         ann@example.com",
        "To           bob@example.com",
        "To           c@d.org",
        f"Message-ID   {mail.message_id}",
        "Key          order 7",
        "bob@example.com  sent   250 ok",
    ):
        assert fact in text
    assert "accepted  0.2 s  w:1" in text
    found = as_json("show", str(mail.pk))
    assert found["recipients"] == ["bob@example.com", "c@d.org"]
    assert found["fates"][0]["reply"] == "250 ok"
    assert found["tries"][0]["outcome"] == "accepted"


def test_show_what_it_says():
    mail = letter()
    lines = run("show", str(mail.pk), "--content")
    assert lines[-2:] == ["Hello␛[2J there", lines[-1]]
    assert lines[-1].startswith("[a")
    assert re.search(r"  text/plain, \d+ bytes\]$", lines[-1])
    raw = run("show", str(mail.pk), "--raw")
    assert f"Message-ID: {mail.message_id}" in raw


def test_raw_is_exact_for_a_file(tmp_path):
    mail = letter()
    with (tmp_path / "a.eml").open("w", encoding="utf-8") as out:
        call_command("mailqueue", "show", str(mail.pk), "--raw", stdout=out)
    raw = (tmp_path / "a.eml").read_bytes()
    assert b"\r\n" in raw
    assert b"Hello\x1b[2J there" in raw


@pytest.mark.parametrize("how", ["--content", "--raw"])
def test_what_is_sensitive_or_erased_is_not_shown(how):
    mail = letter("Your code: 123456", sensitive=True)
    with pytest.raises(CommandError, match="sensitive"):
        run("show", str(mail.pk), how)
    shown = [*run("list"), *run("show", str(mail.pk)), *run("list", "--json")]
    assert "123456" not in "\n".join(shown)
    assert "(sensitive)" in "\n".join(shown)
    other = letter()
    rows().update(state="sent")
    retention.erase(rows())
    with pytest.raises(CommandError, match="has been erased"):
        run("show", str(other.pk), how)


def test_a_stream_is_looked_for_and_shown():
    news, other, orders = (letter(stream=name) for name in ("news", None, "orders"))
    found = as_json("list", "--stream", "news")
    assert [(mail["id"], mail["stream"]) for mail in found] == [(str(news.pk), "news")]
    assert "Stream       news" in run("show", str(news.pk))
    assert run("hold", "--all", "--stream", "news", "--stream", "orders") == [
        "2 mails held."
    ]
    assert states(pk__in=[news.pk, orders.pk]) == ["held", "held"]
    assert states(pk=other.pk) == ["queued"]
    with pytest.raises(CommandError, match="not both"):
        run("hold", str(news.pk), "--stream", "news")


def test_what_is_damaged_is_not_shown_but_told():
    mail = letter()
    Payload.objects.update(document="{}")
    with pytest.raises(
        CommandError, match=r"be read: The snapshot .* the mail anew\.$"
    ):
        run("show", str(mail.pk), "--raw")


def test_the_beginning_of_an_id_is_enough():
    [mail, other] = [store(1)[0], store(1)[0]]
    text = str(mail.pk)
    pairs = zip(text, str(other.pk), strict=True)
    same = next(place for place, (a, b) in enumerate(pairs) if a != b)
    for beginning in (
        text[: same + 1],
        text[: same + 1].upper(),
        text.replace("-", ""),
    ):
        assert run("show", beginning)[0] == f"Mail         {mail.pk}"
    if text[same] != "-":
        short = text[: same + 1].replace("-", "")
        assert run("show", short)[0] == f"Mail         {mail.pk}"
    with pytest.raises(CommandError, match="Several mails"):
        run("show", text[:8])
    with pytest.raises(CommandError, match="No mail has an id"):
        run("show", "ffff")
    with pytest.raises(CommandError, match="is no id"):
        run("show", "%")


# --- Doing ---------------------------------------------------------------------------


def test_one_that_arrived_is_marked_as_sent():
    [first] = store(1)
    OutboxMessage.objects.filter(pk=first.pk).update(state="unknown")
    shown = " ".join(on_terminal(120, "show", str(first.pk)))
    assert f"mailqueue mark-sent {first.pk}" in shown
    assert run("mark-sent", str(first.pk)) == ["1 mail marked as sent."]
    assert states() == ["sent"]


def test_by_id_and_by_beginning():
    first, second, _ = store(3)
    assert run("hold", str(first.pk), str(second.pk)[:36]) == ["2 mails held."]
    assert states() == ["held", "held", "queued"]
    assert run("release", str(first.pk)) == ["1 mail released."]
    assert run("cancel", "--all", "--state", "held") == ["1 mail cancelled."]
    assert sorted(states()) == ["cancelled", "queued", "queued"]


def test_why_others_did_not():
    store(4)
    one, two, three, _ = rows().order_by("pk")
    rows().filter(pk=one.pk).update(state="sent")
    rows().filter(pk=two.pk).update(state="sending")
    rows().filter(pk=three.pk).update(state="held")
    assert run("cancel", "--all", "--dry-run") == [
        "2 mails can be cancelled.",
        "Not the others: 1 sending, 1 sent. Only these can be cancelled: queued, held.",
    ]
    assert run("cancel", "--all")[0] == "2 mails cancelled."


def test_retry_and_requeue():
    store(3)
    mails = list(rows().order_by("pk"))
    rows().update(state="failed", attempts=5)
    rows().filter(pk=mails[0].pk).update(state="sent")
    assert run("retry", "--all") == [
        "2 mails retried.",
        "Not the others: 1 sent. Only these can be retried: queued, partial, failed, "
        "unknown, expired.",
    ]
    assert run("requeue", str(mails[0].pk)) == ["1 mail requeued."]
    assert states() == ["queued"] * 3


def test_what_was_erased_cannot_be_sent_once_more():
    store(2)
    rows().update(state="failed")
    retention.erase(rows().filter(pk=rows().first().pk))
    for how in (["--dry-run"], []):
        assert run("retry", "--all", *how)[1:] == [
            "Not 1 whose content has been erased."
        ]
    assert sorted(states()) == ["failed", "queued"]


def test_retry_of_all_leaves_to_its_time_what_is_scheduled_for_later():
    later = timezone.now() + timedelta(hours=1)
    first, second, waiting, troubled, failed = store(5)
    rows().filter(pk__in=[m.pk for m in (first, second, waiting, troubled)]).update(
        due_at=later
    )
    rows().filter(pk=waiting.pk).update(attempts=1)
    # It met a mailer in trouble, which costs no attempt.
    Attempt.objects.create(mail=troubled, worker="w", mailer="smtp", outcome="trouble")
    rows().filter(pk=failed.pk).update(state="failed")
    left_out = (
        "Left out: 2 mails scheduled for later. To send one now, name its id: "
        "manage.py mailqueue retry ID"
    )
    assert run("retry", "--all", "--dry-run") == ["3 mails can be retried.", left_out]
    assert run("retry", "--all") == ["3 mails retried.", left_out]
    due = rows().filter(due_at__lt=later)
    assert {m.pk for m in due} == {waiting.pk, troubled.pk, failed.pk}
    assert run("retry", str(first.pk)) == ["1 mail retried."]
    assert not rows().filter(pk=first.pk, due_at=later).exists()
    assert rows().filter(pk=second.pk, due_at=later).exists()


def test_filters_choose_among_all():
    store(2)
    store(2, "bulk")
    assert run("hold", "--all", "--mailer", "bulk") == ["2 mails held."]
    assert states(mailer="smtp") == ["queued"] * 2


def test_nothing_is_done_to_all_by_mistake():
    [mail] = store(1)
    for arguments in ([], ["--state", "queued"], ["--mailer", "smtp"]):
        with pytest.raises(CommandError, match="Which mails"):
            run("cancel", *arguments)
    for arguments in (["--all"], ["--state", "queued"]):
        with pytest.raises(CommandError, match="not both"):
            run("cancel", str(mail.pk), *arguments)
    with pytest.raises(CommandError, match="No mail has an id"):
        run("cancel", str(mail.pk), "ffff")
    assert states() == ["queued"]


def test_pause_and_resume():
    assert run("pause", "smtp", "--reason", "moving house")[0].startswith(
        "smtp is paused."
    )
    assert pausing.look("smtp").paused
    assert run("resume", "smtp") == ["smtp sends again."]
    assert run("resume", "smtp") == ["smtp was not paused."]
    assert not pausing.look("smtp").paused
    with pytest.raises(CommandError, match="Which mailer"):
        run("pause")
    with pytest.raises(CommandError, match="No outbox sends through 'x'"):
        run("pause", "x")


def test_the_only_mailer_need_not_be_named(with_mailers):
    with ScriptedServer() as server:
        with_mailers(mailers_for(server))
        assert run("pause")[0].startswith("smtp is paused.")
        assert run("resume") == ["smtp sends again."]


def test_an_action_must_be_named():
    with pytest.raises(CommandError, match="action"):
        run()


def test_mails_that_nothing_will_send_are_told_and_moved():
    store(2, "old")
    rows().filter(subject="No 1").update(state="held")
    found = as_json("status")
    assert [(each["mailer"], each["stranded"]) for each in found["mailers"]] == [
        ("old", 2)
    ]
    [warning] = [line for line in run("status") if "mailqueue move" in line]
    assert "2 mails wait for the mailer 'old'" in warning
    with pytest.raises(CommandError, match="No outbox sends through 'older'"):
        run("move", "old", "--to", "older")
    assert run("move", "old", "--to", "bulk") == ["2 mails moved to bulk."]
    assert set(rows().values_list("mailer", "state")) == {
        ("bulk", "queued"),
        ("bulk", "held"),
    }
    assert not any("mailqueue move" in line for line in run("status"))
