"""From the answers of a server to the next state of a mail."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest

from django_mailplus.delivery import DeliveryResult, RecipientResult, mark_unsent
from django_mailplus.outbox.judging.verdicts import judge
from django_mailplus.outbox.states import State


def result(*kinds, code=None, codes=()):
    codes = [*codes, *[250] * len(kinds)]
    return DeliveryResult(
        recipients=tuple(
            RecipientResult(address=f"bob{n}@example.com", kind=kind, code=codes[n])
            for n, kind in enumerate(kinds)
        ),
        code=code,
    )


def state(told, error=None, **options):
    return judge(told, error, attempts=1, **options).state


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [
        (["accepted"], State.SENT),
        (["accepted", "accepted"], State.SENT),
        (["accepted", "permanent"], State.PARTIAL),
        (["permanent"], State.FAILED),
        (["transient"], State.QUEUED),
        (["accepted", "transient", "permanent"], State.QUEUED),
        (["unknown"], State.QUEUED),
        (["suppressed"], State.SUPPRESSED),
        (["suppressed", "accepted"], State.SENT),
        (["suppressed", "accepted", "permanent"], State.PARTIAL),
        (["suppressed", "permanent"], State.FAILED),
        (["suppressed", "transient"], State.QUEUED),
    ],
)
def test_a_mail_is_what_its_recipients_are(kinds, wanted):
    assert state(result(*kinds)) == wanted


def test_fates_are_told_where_they_differ():
    assert judge(result("accepted"), None, attempts=1).fates is None
    fates = judge(result("accepted", "permanent"), None, attempts=1).fates
    assert list(fates.values()) == [State.SENT, State.FAILED]


def test_what_earlier_tries_have_sealed_counts():
    sealed = {"carol@example.com": State.FAILED}
    assert state(result("accepted"), settled=sealed) == State.PARTIAL
    assert state(result("transient"), settled=sealed) == State.QUEUED
    sealed = {"carol@example.com": State.SUPPRESSED}
    assert state(result("accepted"), settled=sealed) == State.SENT
    assert state(result("permanent"), settled=sealed) == State.FAILED
    assert state(result("suppressed"), settled=sealed) == State.SUPPRESSED


def test_nobody_knows():
    assert state(result("unknown"), hold_unknown=True) == State.UNKNOWN
    assert state(result("unknown", "permanent"), hold_unknown=True) == State.UNKNOWN


def test_too_many_recipients_are_for_later():
    """RFC 5321 section 4.5.3.1.10."""
    assert state(result("accepted", "permanent", codes=[250, 552])) == State.QUEUED
    assert state(result("permanent", code=552, codes=[552])) == State.FAILED


def test_a_server_that_is_not_reached_costs_the_mail_nothing():
    error = ConnectionRefusedError()
    mark_unsent(error)
    verdict = judge(result("transient", codes=[None]), error, attempts=1)
    assert (verdict.state, verdict.counts) == (State.QUEUED, False)
    assert "(ConnectionRefusedError)" in verdict.trouble


def test_a_refused_login_names_its_code_and_no_more():
    error = smtplib.SMTPAuthenticationError(535, b"5.7.8 wrong: secret")
    verdict = judge(None, error, attempts=1)
    assert "(SMTPAuthenticationError 535)" in verdict.trouble
    assert "secret" not in verdict.trouble + verdict.text
    assert not verdict.counts


def test_a_session_that_ends_after_an_answer_is_no_trouble_of_the_mailer():
    error = smtplib.SMTPServerDisconnected("gone")
    mark_unsent(error)
    verdict = judge(result("transient", codes=[421]), error, attempts=1)
    assert (verdict.counts, verdict.trouble) == (True, "")


@pytest.mark.parametrize(
    ("error", "attempts", "wanted"),
    [
        (None, 1, State.SENT),
        (ValueError("header"), 1, State.FAILED),
        (smtplib.SMTPDataError(451, b"later"), 9, State.QUEUED),
        (smtplib.SMTPDataError(554, b"no"), 1, State.FAILED),
        (RuntimeError("who knows"), 1, State.QUEUED),
        (RuntimeError("who knows"), 3, State.FAILED),
    ],
)
def test_backends_that_only_raise(error, attempts, wanted):
    assert judge(None, error, attempts=attempts).state == wanted


def test_a_mail_waits_longer_from_try_to_try():
    waits = [judge(result("transient"), None, attempts=n).wait for n in range(1, 9)]
    assert timedelta(seconds=15) <= waits[0] <= timedelta(seconds=30)
    assert timedelta(hours=2) <= waits[7] <= timedelta(hours=4)
    greylisted = judge(result("transient", code=451), None, attempts=1)
    assert greylisted.wait >= timedelta(seconds=60)


def test_without_time_for_another_try_it_is_given_up():
    left = timedelta(seconds=10)
    assert state(result("transient"), left=left) == State.FAILED
    verdict = judge(result("accepted", "transient"), None, attempts=1, left=left)
    assert verdict.state == State.PARTIAL
    assert list(verdict.fates.values()) == [State.SENT, State.FAILED]
    sealed = {"carol@example.com": State.SENT}
    assert state(result("transient"), settled=sealed, left=left) == State.PARTIAL


def test_of_an_answer_that_was_lost_nobody_knows_at_the_end_either():
    left = timedelta(seconds=-1)
    assert state(result("unknown"), left=left) == State.UNKNOWN
    verdict = judge(result("unknown", "transient"), None, attempts=1, left=left)
    assert verdict.state == State.UNKNOWN
    assert list(verdict.fates.values()) == [State.UNKNOWN, State.FAILED]


def test_a_mailer_in_trouble_ends_no_mail():
    error = smtplib.SMTPConnectError(421, b"busy")
    verdict = judge(None, error, attempts=1, left=timedelta(seconds=-1))
    assert (verdict.state, verdict.counts) == (State.QUEUED, False)
