"""Contents that mails share: kept once, in the database or, when large, in a storage."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import connections, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.crypto import salted_hmac

from django_mailplus.outbox.models import Blob, Payload, database, new_id

__all__ = ["keep", "link", "load", "remove_stray_files", "remove_unused"]

LARGEST_IN_DATABASE = 1_000_000  # bytes
_AT_ONCE = 100
# Of one statement. Drivers may double it in quoting, and MariaDB takes 16 MB.
_BYTES_AT_ONCE = 4_000_000
# What the content is, and the id that tells when it was saved.
_SALT = "django_mailplus.outbox.rows.blobs"  # names folders that exist: stays as it is
_FILE = re.compile(r"[0-9a-f]{64}-([0-9a-f]{32})")
_LONGEST_TRANSACTION = 86_400.0  # seconds; until then a file may wait for its row
# A lock that many can hold, against deletion. Django has only those for one.
_SHARED = {"postgresql": "FOR KEY SHARE", "mysql": "LOCK IN SHARE MODE"}


def keep(contents: Mapping[str, bytes]) -> None:
    """Store those that are not there yet, by their digest.

    What is there stays until the caller's transaction is over: nobody removes what is
    about to be used.
    """
    if not contents:
        return
    missing = sorted(contents.keys() - _held(contents))  # an order against deadlocks
    while missing:
        made = [_blob(digest, contents[digest]) for digest in missing]
        for some in _in_batches(made):
            Blob.objects.using(database()).bulk_create(
                some,
                ignore_conflicts=True,  # somebody else keeps the same at this moment
            )
        held = _held(missing)
        for blob in made:
            if blob.file and held.get(blob.digest, "") != blob.file:
                _storage().delete(blob.file)
        missing = sorted(set(missing) - held.keys())  # removed since; once more


def _in_batches(made: Sequence[Blob]) -> Iterator[list[Blob]]:
    batch: list[Blob] = []
    size = 0
    for blob in made:
        own = 0 if blob.data is None else blob.size
        if batch and (len(batch) == _AT_ONCE or size + own > _BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(blob)
        size += own
    if batch:
        yield batch


def _held(digests: Iterable[str]) -> dict[str, str]:
    """Those that are there, with their files; locked, not against others who use them.

    SQLite needs no lock: whoever writes is alone, and the mail is written already.
    """
    found = Blob.objects.using(database()).filter(pk__in=list(digests))
    connection = connections[database()]
    query = found.values_list("pk", "file").query
    sql, params = query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} {_SHARED.get(connection.vendor, '')}", params)
        return dict(cursor.fetchall())


def _blob(digest: str, data: bytes) -> Blob:
    if len(data) <= LARGEST_IN_DATABASE:
        return Blob(digest=digest, data=data, size=len(data))
    # Another name each time: a file that is about to go is never the one that comes.
    name = f"{_folder()}/{digest}-{new_id().hex}"
    name = _storage().save(name, ContentFile(data))
    return Blob(digest=digest, data=None, file=name, size=len(data))


def link(used: Mapping[uuid.UUID, Iterable[str]]) -> None:
    through: Any = Payload.blobs.through
    links = [
        through(payload_id=pk, blob_id=digest)
        for pk, digests in used.items()
        for digest in digests
    ]
    if links:
        through._default_manager.using(database()).bulk_create(links)


def load(digest: str) -> bytes:
    """Raises `Blob.DoesNotExist`, and what the storage raises."""
    blob = Blob.objects.using(database()).get(pk=digest)
    if blob.data is not None:
        return bytes(blob.data)
    with _storage().open(blob.file) as file:
        return bytes(file.read())


def remove_unused(limit: int | None = None) -> int:
    """Delete the contents that no mail has any more, `limit` at most; how many.

    The files of those in a storage go once that is committed.
    """
    removed, newest = 0, ""
    while limit is None or removed < limit:
        left = _AT_ONCE if limit is None else min(_AT_ONCE, limit - removed)
        unused = _unused().filter(pk__gt=newest).order_by("pk")
        if not (chosen := list(unused.values_list("pk", flat=True)[:left])):
            break
        newest = chosen[-1]
        with transaction.atomic(using=database()):
            removed += _remove(chosen)
    return removed


def _remove(chosen: list[str]) -> int:
    """Those that are unused still, once nobody can begin to use them."""
    kept = Blob.objects.using(database()).filter(pk__in=chosen)
    if connections[database()].features.has_select_for_update_skip_locked:
        locked = kept.select_for_update(skip_locked=True)  # the others are about to be
        chosen = list(locked.values_list("pk", flat=True))
    else:
        kept.update(size=F("size"))  # SQLite's lock is to have written
    files = dict(_unused().filter(pk__in=chosen).values_list("pk", "file"))
    # Not `delete()`, which would take the links that have come meanwhile along.
    Blob.objects.using(database()).filter(pk__in=files)._raw_delete(database())
    for name in filter(None, files.values()):
        transaction.on_commit(
            partial(_storage().delete, name), using=database(), robust=True
        )
    return len(files)


def _unused() -> QuerySet[Blob]:
    through: Any = Payload.blobs.through
    used = through._default_manager.filter(blob_id=OuterRef("pk"))
    return Blob.objects.using(database()).filter(~Exists(used))


def remove_stray_files() -> int:
    """Delete the files of contents that were rolled back, a day later; how many.

    Nobody is told of a rollback. Those stay in a storage that cannot list its files or
    gives them other names, and after a change of SECRET_KEY or of the database's name.
    Raises what the storage raises.
    """
    before = time.time() - _LONGEST_TRANSACTION
    old = [name for name, saved in _files() if saved < before]
    removed = 0
    for start in range(0, len(old), _AT_ONCE):
        some = old[start : start + _AT_ONCE]
        kept = Blob.objects.using(database()).filter(file__in=some)
        for name in set(some).difference(kept.values_list("file", flat=True)):
            _storage().delete(name)
            removed += 1
    return removed


def _files() -> Iterator[tuple[str, float]]:
    """Those of ours in the storage, and when they were saved, in seconds since 1970."""
    try:
        _, names = _storage().listdir(folder := _folder())
    except (FileNotFoundError, NotImplementedError):
        return
    for name in names:
        if found := _FILE.fullmatch(name):
            yield f"{folder}/{name}", (int(found[1], 16) >> 80) / 1000


def _folder() -> str:
    """Of this database alone, whoever shares the storage: only then is a file stray that no
    row of ours names.
    """
    connection = connections[database()]
    ours = [str(connection.settings_dict["NAME"])]
    if connection.vendor == "postgresql":  # where tenants have schemas
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            ours += map(str, cursor.fetchone())
    name = salted_hmac(_SALT, repr(ours), algorithm="sha256").hexdigest()[:16]
    return f"mailplus/{name}"


def _storage() -> Storage:
    return (
        storages["mailplus"] if "mailplus" in storages.backends else storages["default"]
    )
