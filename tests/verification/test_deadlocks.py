"""Of two transactions in a deadlock the database ends one: that one is run again."""

from __future__ import annotations

from itertools import count

import pytest
from django.core import mail
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.signals import post_save
from racing_stage import losing
from verification_stage import links_of, make_user

from django_mailplus.verification import (
    cancel_email_change,
    deactivate_until_verified,
    is_email_verified,
    send_verification_email,
    start_email_change,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.change import pending_change
from django_mailplus.verification.change_links import cancel_link, confirm_change_link
from django_mailplus.verification.models import EmailAddress, SendingAllowance
from django_mailplus.verification.proofs import confirm_code, confirm_link, report_link
from django_mailplus.verification.signals import email_verified

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "https://shop.example.com"
NEW = "new@example.com"


@pytest.fixture(autouse=True)
def base_url(settings):
    settings.MAILPLUS = {"BASE_URL": BASE, "VERIFICATION_STORE": "is_active"}


def mailed(user, kind, **options):
    send_verification_email(user, base_url=BASE, force=True, **options)
    return links_of(mail.outbox[-1])[kind].strip("/").split("/")[-2:]


def changing(user):
    """What the mails to the new and to the old address are good for."""
    verify_email_address(user)
    start_email_change(user, NEW, base_url=BASE)
    links = links_of(mail.outbox[-2]) | links_of(mail.outbox[-1])
    return [links[kind].strip("/").split("/")[-2:] for kind in ("change", "cancel")]


def by_link(user):
    parts = mailed(user, "verify")
    return lambda: confirm_link(*parts)[0]


def by_code(user):
    send_verification_email(user, base_url=BASE, force=True, method="code")
    (row,) = EmailAddress.objects.filter(user=user)
    code = mail.outbox[-1].subject.split()[0]
    return lambda: confirm_code([row], code)[0]


def reporting(user):
    parts = mailed(user, "report")
    return lambda: report_link(*parts) and EmailAddress.objects.get().reported_at


def proving(user):
    return lambda: verify_email_address(user)


def taking_back(user):
    verify_email_address(user)
    return lambda: unverify_email_address(user) or not is_email_verified(user)


def waiting(user):
    def call():
        deactivate_until_verified(user)
        user.refresh_from_db()
        return not user.is_active

    return call


def starting(user):
    def call():
        start_email_change(user, NEW, base_url=BASE)
        return pending_change(user)

    return call


def confirming(user):
    parts, _ = changing(user)
    return lambda: confirm_change_link(*parts)[0]


def undoing(user):
    parts, stop = changing(user)
    confirm_change_link(*parts)
    return lambda: cancel_link(*stop)[0]


def giving_up(user):
    changing(user)
    return lambda: cancel_email_change(user)


CHANGES = {
    by_link: "verified",
    by_code: "verified",
    reporting: True,
    proving: "verified",
    taking_back: True,
    waiting: True,
    starting: NEW,
    confirming: "changed",
    undoing: "undone",
    giving_up: True,
}


@pytest.mark.parametrize(("change", "outcome"), CHANGES.items())
def test_whichever_statement_loses(change, outcome, django_user_model):
    for at in count():
        lose = losing(at)
        call = change(make_user())
        with connection.execute_wrapper(lose):
            result = call()
        assert result if outcome is True else result == outcome
        if not lose.lost:
            break
        django_user_model.objects.all().delete()
        SendingAllowance.objects.all().delete()
    assert at  # at least one write


def test_nobody_is_told_twice(user):
    told = []
    email_verified.connect(lambda **given: told.append(given["email"]), weak=False)
    call = by_link(user)
    with connection.execute_wrapper(losing(0)):
        assert call() == "verified"
    assert told == [user.email]


def test_a_transaction_of_the_caller_is_the_callers(user):
    call = by_link(user)
    with (
        pytest.raises(OperationalError),
        transaction.atomic(),
        connection.execute_wrapper(losing(0)),
    ):
        call()
    assert not is_email_verified(user)


def test_what_fails_after_the_commit_is_raised_and_not_done_again():
    user = make_user()
    calls = []

    def fail():
        calls.append(1)
        raise IntegrityError("a hook of the project")

    def hooked(**_):
        transaction.on_commit(fail)

    post_save.connect(hooked, sender=EmailAddress)
    try:
        with pytest.raises(IntegrityError, match="a hook of the project"):
            verify_email_address(user)
    finally:
        post_save.disconnect(hooked, sender=EmailAddress)
    assert calls == [1]
    assert is_email_verified(user)
