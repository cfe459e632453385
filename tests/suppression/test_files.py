"""The list from and to other systems, as CSV."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from django_mailplus.suppression.importing import take_over
from django_mailplus.suppression.listing import (
    Entry,
    NotReadableError,
    csv_lines,
    read,
)
from django_mailplus.suppression.lookup import is_suppressed
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import suppress

BOB = "bob@example.com"


def entries(text, **options):
    return list(read(io.StringIO(text), **options))


# As exports of providers begin, and what a line of them is.
EXPORTS = [
    (
        "address,reason,stream\nbob@example.com,unsubscribe,news\n",
        "unsubscribe",
        "news",
    ),
    ("Email Address,Type\nbob@example.com,Hard Bounce\n", "hard_bounce", ""),
    ("EmailAddress,Reason\nbob@example.com,SpamComplaint\n", "complaint", ""),
    ('\ufeff"email","created"\n"bob@example.com","2026-01-02"\n', "manual", ""),
    (
        "recipient,type,description\nBob <bob@example.com>,complaint,x\n",
        "complaint",
        "",
    ),
    ("reason,email\nsomething else,bob@example.com\n", "manual", ""),
    (
        "status,reason,email,created\n5.1.1,550,bob@example.com,1449953655\n",
        "manual",
        "",
    ),
    ("created_at,address\n0000-00-00 00:00:00,bob@example.com\n", "manual", ""),
]


@pytest.mark.parametrize(("text", "reason", "stream"), EXPORTS)
def test_exports(text, reason, stream):
    [entry] = entries(text, reason=Reason.MANUAL)
    assert (entry.address, entry.reason, entry.stream) == (BOB, reason, stream)


WRONG = [
    ("address\nbob@example.com\n", "has no reason"),
    ("address,reason\nbob@example.com,odd\n", "has the reason 'odd'"),
    ("address,reason\nbob,manual\n", "has no address"),
    ("address,reason\n,manual\n", "has no address"),
    (
        'address,reason\n"a@example.com, b@example.com",manual\n',
        "has several addresses",
    ),
    (f"address,reason\n{'x' * 320}@b.org,manual\n", "has no address"),
    (
        "address,reason,expires\nbob@example.com,manual,soon\n",
        "has a time that cannot be read",
    ),
    (
        "address,reason,expires\nbob@example.com,manual,2026-02-31\n",
        "has a time that cannot be read",
    ),
]


@pytest.mark.parametrize(("text", "why"), WRONG)
def test_lines_that_are_no_entries(text, why):
    assert entries(text) == [f"Line 2 {why}."]


def test_lines_are_counted_as_an_editor_does():
    text = 'address,detail\n\n"bob@example.com","two\nlines"\n\nbob,\n'
    _, told = entries(text, reason=Reason.MANUAL)
    assert told == "Line 6 has no address."


@pytest.mark.parametrize("text", ["", "name,reason\nBob,manual\n", "\0"])
def test_files_that_are_no_lists(text):
    with pytest.raises(NotReadableError):
        entries(text)


def test_a_file_with_semicolons_is_told_what_stands_between_columns():
    with pytest.raises(NotReadableError, match="with commas between them"):
        entries("email;reason\nbob@example.com;manual\n")


@pytest.mark.django_db
def test_there_and_back():
    soon = timezone.now() + timedelta(days=3)
    suppress(BOB, reason=Reason.UNSUBSCRIBE, stream="news", source="page")
    suppress("=cmd@example.com", reason=Reason.COMPLAINT, detail='+a, "b"\nc')
    suppress("'+1@example.com", reason=Reason.MANUAL)
    suppress("ö@bücher.example", reason=Reason.MANUAL, expires_at=soon)
    columns = [
        "address",
        "reason",
        "stream",
        "source",
        "detail",
        "created_at",
        "expires_at",
        "key",
    ]
    before = list(Suppression.objects.order_by("pk").values_list(*columns))
    text = "".join(csv_lines(Suppression.objects.all()))
    assert "\n=cmd" not in text
    Suppression.objects.all().delete()
    assert take_over(entries(text)) == (4, 0)
    assert list(Suppression.objects.order_by("pk").values_list(*columns)) == before
    assert take_over(entries(text)) == (0, 0)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=30)


@pytest.mark.django_db
@settings(max_examples=50)
@given(detail=CELLS, stream=CELLS)
def test_any_text_comes_back(detail, stream):
    Suppression.objects.all().delete()
    Suppression.objects.create(
        key="k",
        address=BOB,
        reason="manual",
        detail=detail.strip(),
        stream=stream.strip(),
    )
    [entry] = entries("".join(csv_lines(Suppression.objects.all())))
    assert (entry.detail, entry.stream) == (detail.strip(), stream.strip())


def entry(address=BOB, **values):
    usual = {
        "reason": Reason.MANUAL,
        "stream": "",
        "source": "",
        "detail": "",
        "expires_at": None,
        "created_at": None,
    }
    return Entry(address=address, **usual | values)


@pytest.mark.django_db
def test_known_ones_are_left_alone_and_expired_ones_come_back(
    django_assert_max_num_queries,
):
    past = timezone.now() - timedelta(days=1)
    suppress(BOB, reason=Reason.MANUAL, detail="ours")
    suppress("old@example.com", reason=Reason.MANUAL, expires_at=past)
    many = [entry(f"p{number}@example.com") for number in range(400)]
    given = [
        entry(detail="theirs"),
        entry("old@example.com"),
        entry("OLD@example.com"),
        *many,
    ]
    assert take_over(given, dry_run=True) == (401, 0)
    assert Suppression.objects.count() == 2
    with django_assert_max_num_queries(15):
        assert take_over(given) == (401, 0)
    assert Suppression.objects.get(address=BOB).detail == "ours"
    assert is_suppressed("old@example.com")


DAYS = [timezone.now() + timedelta(days=number) for number in (0, 3, 5, 7)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ours", "theirs", "lasts", "longer"),
    [
        (DAYS[3], [None], None, 1),
        (DAYS[3], [DAYS[1]], DAYS[3], 0),
        (DAYS[1], [DAYS[3]], DAYS[3], 1),
        (DAYS[1], [DAYS[3], DAYS[2]], DAYS[3], 1),
        (DAYS[1], [DAYS[2], None, DAYS[3]], None, 1),
        (None, [DAYS[3]], None, 0),
    ],
)
def test_of_two_the_one_that_lasts_longer_counts(ours, theirs, lasts, longer):
    suppress(BOB, reason=Reason.MANUAL, detail="ours", expires_at=ours)
    given = [entry(expires_at=until) for until in theirs]
    assert take_over(given, dry_run=True) == (0, longer)
    assert Suppression.objects.get().expires_at == ours
    assert take_over(given) == (0, longer)
    assert take_over(given) == (0, 0)
    known = Suppression.objects.get()
    assert (known.expires_at, known.detail) == (lasts, "ours")
