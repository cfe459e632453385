"""Whether the inbox can be looked at, and by nobody else: mailers and MAILPLUS["INBOX_…"].

E070 staff without a login   E071 token that can be guessed   E072 release
W071 nobody may look         W072 no pages                    W073 in production
W074 staff and the previews
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from django_mailplus import conf
from django_mailplus.backends.declaring import is_a
from django_mailplus.backends.inbox import EmailBackend as InboxBackend
from django_mailplus.chain import aliases_used
from django_mailplus.message.redirecting import wrong_pattern

__all__ = ["check_inbox", "check_inbox_access", "check_inbox_settings"]

_SHORTEST_TOKEN = 20  # characters
_MOUNT = (
    'Add path("mail/", include("django_mailplus.urls")) to the URLs of the project.'
)


def check_inbox_settings(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """The keys of MAILPLUS, whose types are right."""
    if conf.setting("INBOX_FOR_STAFF") and not _knows_people():
        yield Error(
            "MAILPLUS['INBOX_FOR_STAFF'] lets staff look into the inbox, and no middleware "
            "says who somebody is.",
            hint="Add 'django.contrib.auth.middleware.AuthenticationMiddleware' to "
            "MIDDLEWARE.",
            id="mailplus.E070",
        )
    token = conf.setting("INBOX_TOKEN")
    if token and not re.fullmatch(rf"[!-~]{{{_SHORTEST_TOKEN},}}", token):
        yield Error(
            "MAILPLUS['INBOX_TOKEN'] can be guessed, or not be sent in a header: whoever "
            "has it reads all caught mail.",
            hint=f"Let it have {_SHORTEST_TOKEN} characters or more, of ASCII and without "
            "spaces, such as those of secrets.token_urlsafe().",
            id="mailplus.E071",
        )
    yield from _check_release(mailers)


def _check_release(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    mailer, allowed = (
        conf.setting("INBOX_RELEASE_MAILER"),
        conf.setting("INBOX_RELEASE_TO"),
    )
    known = ", ".join(map(repr, mailers)) or "none"
    problems = [f"INBOX_RELEASE_TO has {p}" for p in map(wrong_pattern, allowed) if p]
    if mailer and mailer not in mailers:
        problems.append(
            f"INBOX_RELEASE_MAILER is {mailer!r}, which is not configured (configured: {known})."
        )
    if bool(mailer) != bool(allowed):
        problems.append(
            "INBOX_RELEASE_TO and INBOX_RELEASE_MAILER work together only: to whom, and "
            "through which mailer."
        )
    for problem in problems:
        yield Error(
            f"MAILPLUS: {problem}",
            hint="Correct both, or leave both out.",
            id="mailplus.E072",
        )


def _knows_people() -> bool:
    if not apps.is_installed("django.contrib.auth"):  # and cannot be imported
        return False
    from django.contrib.auth.middleware import AuthenticationMiddleware

    for path in settings.MIDDLEWARE:
        try:
            found = import_string(path)
        except ImportError:  # told when the site starts
            continue
        if isinstance(found, type) and issubclass(found, AuthenticationMiddleware):
            return True
    return False


def check_inbox(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Whether caught mail can be looked at anywhere in this project."""
    inboxes = [alias for alias in mailers if is_a(alias, InboxBackend)]
    if not inboxes:
        return
    try:
        reverse("mailplus_inbox:list")
    except NoReverseMatch:
        yield Warning(
            f"MAILERS[{inboxes[0]!r}] catches mail, and the project has no pages of the "
            "inbox.",
            hint=_MOUNT,
            id="mailplus.W072",
        )
    except Exception:  # a broken URLconf is reported by Django; a worker may have none
        return


def check_inbox_access(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """For a site that is deployed: who may look, and whether mail should be caught there."""
    inboxes = [alias for alias in mailers if is_a(alias, InboxBackend)]
    closed = not (settings.DEBUG or conf.setting("INBOX_FOR_STAFF"))
    if inboxes and closed and not conf.setting("INBOX_TOKEN"):
        yield Warning(
            f"MAILERS[{inboxes[0]!r}] catches mail, and nobody may look at it: DEBUG is off.",
            hint="For a staging site set MAILPLUS['INBOX_FOR_STAFF'] = True: staff then "
            "read all that is caught, links that log somebody in included. Else send "
            "through another mailer.",
            id="mailplus.W071",
        )
    if conf.setting("ENVIRONMENT").lower() != "production":
        return
    for alias in inboxes:
        kept = "keeps a copy of" if aliases_used(alias) else "catches"
        yield Warning(
            f"MAILERS[{alias!r}] {kept} mail in production.",
            hint="Leave it out there, or correct MAILPLUS['ENVIRONMENT'].",
            id="mailplus.W073",
        )
    yield from _check_previews()


def _check_previews() -> Iterator[CheckMessage]:
    if not conf.setting("INBOX_FOR_STAFF"):
        return
    try:
        page = reverse("mailplus_previews:wall")
    except Exception:  # no pages; or a broken URLconf, which Django reports
        return
    yield Warning(
        f"MAILPLUS['INBOX_FOR_STAFF'] opens {page} to all staff in production: previews run "
        "code of the project with what is typed there, and show what it reads.",
        hint="Leave it out there: manage.py mailpreview shows the same. Or correct "
        "MAILPLUS['ENVIRONMENT'].",
        id="mailplus.W074",
    )
