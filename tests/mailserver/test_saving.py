"""Mails kept as files."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest

from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.saving import MailFolder

NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)


def mail(
    raw: bytes = b"Subject: x\r\n\r\nbody\r\n", at: datetime = NOON
) -> ReceivedMail:
    return ReceivedMail(
        number=1,
        received_at=at,
        mail_from="a@example.com",
        rcpt_to=("../../etc/passwd@example.com",),
        raw=raw,
        peer="127.0.0.1:1",
    )


def test_the_bytes_are_kept_as_they_came_for_the_owner_alone(tmp_path):
    folder = MailFolder(tmp_path / "new" / "mails")
    path = folder.save(mail())
    assert path.read_bytes() == b"Subject: x\r\n\r\nbody\r\n"
    assert path.name == "20260102T120000.000005Z.eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_names_sort_by_arrival_even_when_the_clock_stands_or_goes_back(tmp_path):
    folder = MailFolder(tmp_path)
    times = [NOON, NOON, NOON - timedelta(hours=1), NOON + timedelta(seconds=1)]
    for number, time in enumerate(times):
        folder.save(mail(b"%d" % number, time))
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [
        b"0",
        b"1",
        b"2",
        b"3",
    ]


def test_no_file_or_link_that_is_there_is_written_to(tmp_path):
    folder = MailFolder(tmp_path)
    target = tmp_path / "target"
    (tmp_path / "20260102T120000.000005Z.eml").symlink_to(target)
    (tmp_path / "20260102T120000.000006Z.eml").write_bytes(b"mine")

    assert folder.save(mail()).name == "20260102T120000.000007Z.eml"

    assert not target.exists()
    assert (tmp_path / "20260102T120000.000006Z.eml").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_is_an_error_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        MailFolder(tmp_path / "file")


def test_an_opened_folder_is_left_as_it_was_found(tmp_path):
    MailFolder(tmp_path)
    assert list(tmp_path.iterdir()) == []
