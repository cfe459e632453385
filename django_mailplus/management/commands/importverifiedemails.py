"""Take over what another package, or a field of the user model, has recorded as verified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import CommandError, CommandParser
from django.db import models, transaction

from django_mailplus import conf
from django_mailplus.management.base import MailplusCommand
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.racing import tried_again
from django_mailplus.templated.recipient import email_of
from django_mailplus.verification import is_email_verified, verify_email_address
from django_mailplus.verification.models import database, primary

Source = Generator[tuple[Any, str], None, None]


class Command(MailplusCommand):
    help = (
        "Records addresses as verified that django-allauth (EmailAddress.verified) or a "
        "field of the user model says are. Mails nobody. Leaves users alone about whom "
        "something is known already, so it can be run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--allauth", action="store_true", help="From allauth's table of addresses."
        )
        source.add_argument(
            "--field",
            metavar="NAME",
            help="From a field of the user model: the current address of every user for "
            "whom it is set.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Only count what would be taken over.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        source = (
            _from_allauth() if options["allauth"] else _from_field(options["field"])
        )
        take_over = _predict() if options["dry_run"] else _take_over
        counts: Counter[str] = Counter()
        with closing(source):  # it reads from the database, whatever ends the import
            for user, email in source:
                counts[take_over(user, email) if email else "without an address"] += 1
        report = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()))
        self.stdout.write(report or "Nothing to take over.")


@tried_again(database)
def _take_over(user: Any, email: str) -> str:
    """What the source says is older than anything that this app knows about the user."""
    known = primary().filter(user_id=user.pk, purpose="verify")
    if is_email_verified(user, email=email):
        return "already verified"
    if known.exists():
        return "left as they are"
    with transaction.atomic(using=database()):
        outcome = verify_email_address(user, email)
        transaction.set_rollback(outcome != "verified", using=database())
    return outcome.replace("_", " ")


def _predict() -> Callable[[Any, str], str]:
    """The same, each taken back at once; it remembers which addresses it would have given."""
    given: set[str] = set()

    def outcome(user: Any, email: str) -> str:
        with transaction.atomic(using=database()):
            what = _take_over(user, email)
            transaction.set_rollback(True, using=database())
        if what != "verified":
            return what
        key = lookalike_key(email)
        if key in given and conf.setting("VERIFICATION_UNIQUE"):
            return "taken"
        given.add(key)
        return "to take over"

    return outcome


def _from_allauth() -> Source:
    if not apps.is_installed("allauth.account"):
        raise CommandError(
            "allauth.account is not in INSTALLED_APPS. Add it for the time of the import."
        )
    model: Any = apps.get_model("account", "EmailAddress")  # type: ignore[misc]  # of allauth
    rows = model.objects.filter(verified=True)
    for row in rows.select_related("user").order_by("pk").iterator():
        yield row.user, row.email


def _from_field(name: str) -> Source:
    model = get_user_model()
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        fields = ", ".join(sorted(f.name for f in model._meta.concrete_fields))
        raise CommandError(
            f"The user model has no field {name!r}. It has: {fields}."
        ) from None
    if not isinstance(field, (models.BooleanField, models.DateTimeField)):
        raise CommandError(
            f"{name!r} is a {type(field).__name__}, which says nothing about a proof. Name a "
            "BooleanField or a DateTimeField."
        )
    for user in model._default_manager.order_by("pk").iterator():
        if getattr(user, field.attname):
            yield user, email_of(user)
