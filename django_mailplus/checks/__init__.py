"""The system checks: mistakes in MAILERS, EMAIL_ and MAILPLUS, each with its repair.

Ids are permanent; one that goes out of use stays reserved in this table. The checks of a
room are in the room; here are those that look at several.

E001 to E005, E008, E009, E020, W015, W017   each mailer (mailers.py)
E006, E007                                   the keys of MAILPLUS (keys.py)
E010 to E018, W010 to W014, W016             options of SMTP (smtp/options.py)
E030 to E035, W030 to W033                   verification (verification/checks.py)
E040 to E044, W040 to W042                   who works off an outbox (outbox/dispatch/checks.py)
E045 to E047, W045 to W047                   the outbox (outbox/checks.py)
E050, E051, W050 to W059, W070               how mailers are put together (graph.py)
E060, E061, W060 to W066                     who may be mailed (bulk.py, anymail.py)
E070 to E072, W071 to W074                   who may look into the inbox (inbox.py)
E080, W080                                   templated mails (templated/checks.py)
"""

from __future__ import annotations

from django.core.checks import CheckMessage, Error, register

from django_mailplus import compat
from django_mailplus.checks import bulk, graph, inbox, mailers
from django_mailplus.checks.keys import check_keys
from django_mailplus.outbox import checks as outbox
from django_mailplus.outbox.mailers.configured import outboxes
from django_mailplus.templated import checks as templated
from django_mailplus.verification import checks as verification

__all__: list[str] = []

TAG = "mail"


@register(TAG)
def check_mailplus_setting(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    return list(check_keys()) or list(bulk.check_streams())


@register(TAG)
def check_mailers(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    configured = compat.mailer_settings()
    if problems := list(mailers.check_shape(configured)):
        return problems
    found = list(mailers.check_each(configured))
    if compat.mailers_defined() and not any(isinstance(f, Error) for f in found):
        found += graph.check_graph(configured)
        if _keys_are_right():
            found += bulk.check_bulk(configured)
            found += inbox.check_inbox(configured)
    return found


# What those two report is reported once: the others ask first whether they can read it.


def _keys_are_right() -> bool:
    return not check_mailplus_setting(None)


def _mailers_are_entries() -> bool:
    return not any(mailers.check_shape(compat.mailer_settings()))


@register(TAG)
def check_email_backend(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    return list(mailers.check_email_backend())


@register(TAG)
def check_outbox(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Its database, where the project has one."""
    if not _mailers_are_entries() or not any(outboxes()):
        return []
    return list(outbox.check_database())


@register(TAG)
def check_verification(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    return list(verification.check_verification()) if _keys_are_right() else []


@register(TAG)
def check_colour(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    return list(templated.check_colour()) if _keys_are_right() else []


@register(TAG)
def check_inbox_settings(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if not _keys_are_right() or not _mailers_are_entries():
        return []
    return list(inbox.check_inbox_settings(compat.mailer_settings()))


@register(TAG, deploy=True)
def check_inlining(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    return list(templated.check_inlining())


@register(TAG, deploy=True)
def check_default_mailer(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if not _mailers_are_entries():
        return []
    return list(mailers.check_default(compat.mailer_settings()))


@register(TAG, deploy=True)
def check_environment(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if not _keys_are_right() or check_mailers(app_configs):
        return []  # what is wrong there comes first
    configured = compat.mailer_settings()
    return [
        *graph.check_environment(configured),
        *bulk.check_signed(configured),
        *inbox.check_inbox_access(configured),
    ]
