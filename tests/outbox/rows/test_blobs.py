"""Contents that mails share: kept once, and gone with the last mail, not before."""

from __future__ import annotations

import threading

import pytest
from django.core.files.storage import storages
from django.core.mail import EmailMessage
from django.db import connection, transaction
from outbox.mailing import in_thread

from django_mailplus.outbox.models import Blob, OutboxMessage
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import blobs, storing

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = b"c" * 50_000


@pytest.fixture
def folder(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "mailplus": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }
    return tmp_path / blobs._folder()


@pytest.fixture
def in_files(monkeypatch):
    monkeypatch.setattr(blobs, "LARGEST_IN_DATABASE", 1_000)


def store(content=CONTENT):
    message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])
    message.attach("a.bin", content, "application/octet-stream")
    [stored] = storing.store([(message, OutboxOptions())], "smtp")
    return OutboxMessage.objects.get(pk=stored.id)


def digest():
    return Blob.objects.get().pk


def test_one_content_is_kept_once_and_goes_with_the_last_mail():
    first, second = store(), store()
    assert Blob.objects.count() == 1
    OutboxMessage.objects.get(pk=first.pk).delete()
    assert blobs.remove_unused() == 0
    assert blobs.load(digest()) == CONTENT
    OutboxMessage.objects.get(pk=second.pk).delete()
    assert blobs.remove_unused() == 1
    assert not Blob.objects.exists()


def test_what_is_about_to_be_used_stays():
    store().delete()
    with transaction.atomic():
        store()
        assert in_thread(blobs.remove_unused) == 0
    assert blobs.load(digest()) == CONTENT


def test_what_came_into_use_since_it_was_chosen_stays(monkeypatch):
    store().delete()
    remove = blobs._remove

    def late(chosen):
        monkeypatch.setattr(blobs, "_remove", remove)
        store()
        return remove(chosen)

    monkeypatch.setattr(blobs, "_remove", late)
    assert blobs.remove_unused() == 0
    mail = OutboxMessage.objects.get()
    assert list(mail.payload.blobs.values_list("pk", flat=True)) == [digest()]


def test_who_uses_what_is_being_removed_stores_it_anew():
    store().delete()
    with transaction.atomic():
        assert blobs.remove_unused() == 1
        thread = threading.Thread(target=lambda: (store(), connection.close()))
        if connection.vendor == "sqlite":
            pytest.skip("SQLite in memory has one connection")
        thread.start()
        thread.join(0.5)  # it waits for us
    thread.join(30)
    assert blobs.load(digest()) == CONTENT


def test_users_of_one_content_do_not_wait_for_each_other():
    store()
    with transaction.atomic():
        store()
        in_thread(store)
    assert OutboxMessage.objects.count() == 3


def test_a_limit_is_kept_to():
    for n in range(5):
        store(b"%d" % n * 50_000)
    OutboxMessage.objects.all().delete()
    assert [blobs.remove_unused(2) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.usefixtures("in_files")
def test_a_file_goes_only_once_its_row_is_gone_for_good(folder):
    store().delete()
    with transaction.atomic():
        assert blobs.remove_unused() == 1
        assert len(list(folder.iterdir())) == 1
        transaction.set_rollback(True)
    assert blobs.load(digest()) == CONTENT
    assert blobs.remove_unused() == 1
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("in_files")
def test_a_file_that_goes_is_not_the_one_that_comes(folder):
    store().delete()
    [before] = folder.iterdir()
    with transaction.atomic():
        blobs.remove_unused()
        store()
    [after] = folder.iterdir()
    assert before.name != after.name
    assert blobs.load(digest()) == CONTENT


@pytest.mark.usefixtures("in_files")
def test_the_file_of_whoever_came_second_goes(folder, monkeypatch):
    """Another process stores the same between our look and our INSERT."""
    held, looks = blobs._held, []

    def late(digests):
        looks.append(held(digests))
        if len(looks) == 1:
            name = storages["mailplus"].save(f"{blobs._folder()}/theirs", _file())
            [one] = digests
            Blob.objects.create(digest=one, file=name, size=len(CONTENT))
        return looks[-1]

    monkeypatch.setattr(blobs, "_held", late)
    store()
    assert [path.name for path in folder.iterdir()] == ["theirs"]
    assert blobs.load(digest()) == CONTENT


@pytest.mark.usefixtures("in_files")
def test_the_file_of_a_mail_that_was_rolled_back_goes_a_day_later(folder, monkeypatch):
    kept = store(CONTENT + b"kept")
    with transaction.atomic():
        store()
        transaction.set_rollback(True)
    (folder / "0.txt").write_text("somebody else's")
    theirs = folder.with_name("another database") / next(folder.glob("*-*")).name
    theirs.parent.mkdir()
    theirs.write_text("as well")
    assert len(list(folder.iterdir())) == 3
    assert blobs.remove_stray_files() == 0
    monkeypatch.setattr(blobs, "_LONGEST_TRANSACTION", -1.0)
    assert blobs.remove_stray_files() == 1
    assert len(list(folder.iterdir())) == 2
    assert theirs.exists()
    assert (folder / "0.txt").exists()
    assert kept.payload.blobs.count() == 1
    assert blobs.load(digest()) == CONTENT + b"kept"


def test_no_file_is_looked_for_where_there_is_none(folder, settings):
    assert blobs.remove_stray_files() == 0
    settings.STORAGES = {
        **settings.STORAGES,
        "mailplus": {"BACKEND": "django.core.files.storage.Storage"},
    }
    assert blobs.remove_stray_files() == 0


def test_many_large_contents_at_once():
    """More than a statement may hold: MariaDB takes 16 MB by default."""
    messages = []
    for n in range(30):
        message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])
        message.attach("a.pdf", b"%02d" % n * 450_000, "application/octet-stream")
        messages.append((message, OutboxOptions()))
    storing.store(messages, "smtp")
    assert Blob.objects.count() == 30
    assert OutboxMessage.objects.count() == 30


def test_no_statement_is_larger_than_it_may_be():
    sizes = [1, 3_000_000, 2_000_000, 2_000_000, 5_000_000, 1] + [1] * 150
    made = [Blob(data=b"", size=size) for size in sizes]
    made.append(Blob(data=None, file="mailplus/x", size=10**9))
    batches = [[blob.size for blob in batch] for batch in blobs._in_batches(made)]
    assert [size for batch in batches for size in batch] == [*sizes, 10**9]
    assert batches[:3] == [[1, 3_000_000], [2_000_000, 2_000_000], [5_000_000]]
    assert [len(batch) for batch in batches[3:]] == [100, 52]


def _file():
    from django.core.files.base import ContentFile

    return ContentFile(CONTENT)
