"""Every MAILPLUS key once: name, type, default, meaning.

What configures one mailer belongs to its OPTIONS in MAILERS; MAILPLUS holds only
what belongs to no mailer. Values are read live, so `override_settings` works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

__all__ = ["KEYS", "Key", "configured", "setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    type: type
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()
    least: int = 1
    optional: bool = False  # None is a value, too


KEYS: Mapping[str, Key] = {
    "MAIL_SERVER": Key(
        type=str,
        default="127.0.0.1:8025",
        meaning="Address, as host:port, on which runmailserver listens when none is given.",
    ),
    "BASE_URL": Key(
        type=str,
        default="",
        meaning="Scheme and host before the links in mails, such as https://shop.example.com.",
    ),
    "MAIL_ACCENT_COLOR": Key(
        type=str,
        default="#1f5fbf",
        meaning="Colour of buttons and links in mails that extend mailplus/layout.html, as #rrggbb.",
    ),
    "RECIPIENT_LANGUAGE": Key(
        type=str,
        default="",
        meaning="Attribute of a user that holds the language of templated mails, such as "
        "profile.language; empty for the active language.",
    ),
    "RECIPIENT_TIME_ZONE": Key(
        type=str,
        default="",
        meaning="Attribute of a user that holds the time zone of templated mails; empty for "
        "the active time zone.",
    ),
    "ENVIRONMENT": Key(
        type=str,
        default="",
        meaning="What this installation is, such as production or staging: "
        "`check --deploy` then says who gets its mail.",
    ),
    "BULK_STREAMS": Key(
        type=dict,
        default={},
        meaning="Streams that go to many and that people may leave: their names, and what "
        "the pages call them.",
    ),
    "ANYMAIL_METADATA": Key(
        type=bool,
        default=False,
        meaning="Whether a mail of an outbox tells a provider its id, as metadata of "
        "django-anymail: then events find a mail whose answer was lost.",
    ),
    "OUTBOX_KEEP_SENT_DAYS": Key(
        type=int,
        default=30,
        meaning="Days for which mails are kept that were sent, cancelled, suppressed or "
        "expired; None for ever.",
        optional=True,
    ),
    "OUTBOX_KEEP_FAILED_DAYS": Key(
        type=int,
        default=90,
        meaning="Days for which mails are kept that failed, or of which nobody knows; None "
        "for ever.",
        optional=True,
    ),
    "OUTBOX_KEEP_KEYS_DAYS": Key(
        type=int,
        default=90,
        meaning="Days that an idempotency key is known, even if its mail is gone; None for "
        "ever.",
        optional=True,
    ),
    "INBOX_KEEP": Key(
        type=int,
        default=500,
        meaning="Mails that the inbox keeps: the newest.",
    ),
    "INBOX_FOR_STAFF": Key(
        type=bool,
        default=False,
        meaning="Whether staff may open the inbox without DEBUG, and read all that is in it.",
    ),
    "INBOX_TOKEN": Key(
        type=str,
        default="",
        meaning="Whoever sends it as a bearer token may use the JSON API of the inbox; "
        "empty for nobody.",
    ),
    "INBOX_RELEASE_TO": Key(
        type=list,
        default=[],
        meaning="Who may be sent a mail out of the inbox: addresses and domains, as in the "
        "option allow of a redirect.",
    ),
    "INBOX_RELEASE_MAILER": Key(
        type=str,
        default="",
        meaning="Alias of the mailer that sends a mail out of the inbox; empty for none.",
    ),
    "VERIFICATION_TOKEN_GENERATOR": Key(
        type=str,
        default="django.contrib.auth.tokens.default_token_generator",
        meaning="Dotted path of the object whose make_token() and check_token() are used.",
    ),
    "VERIFICATION_BIND_TOKENS": Key(
        type=bool,
        default=True,
        meaning="Whether a token proves one address for one purpose; False gives the generator the bare user.",
    ),
    "VERIFICATION_TIMEOUT": Key(
        type=int,
        default=259_200,
        meaning="Seconds that a link works; never longer than the generator's own limit.",
    ),
    "VERIFICATION_METHOD": Key(
        type=str,
        default="link",
        meaning="What a mail holds: link, code or both.",
        choices=("link", "code", "both"),
    ),
    "VERIFICATION_CODE_LENGTH": Key(
        type=int, default=6, meaning="Digits of a code.", least=6
    ),
    "VERIFICATION_CODE_TIMEOUT": Key(
        type=int, default=900, meaning="Seconds that a code works."
    ),
    "VERIFICATION_CODE_MAX_ATTEMPTS": Key(
        type=int, default=3, meaning="Tries that each code allows."
    ),
    "VERIFICATION_RESEND_COOLDOWN": Key(
        type=int,
        default=60,
        meaning="Seconds between two mails to one address.",
        least=0,
    ),
    "VERIFICATION_MAX_SENDS_PER_DAY": Key(
        type=int, default=5, meaning="Mails to one address in 24 hours."
    ),
    "VERIFICATION_CLIENT_IP": Key(
        type=str,
        default="",
        meaning="Dotted path of a function that takes a request and returns the visitor's "
        "IP address; without it there is no limit per visitor.",
    ),
    "VERIFICATION_MAX_SENDS_PER_CLIENT": Key(
        type=int,
        default=20,
        meaning="Mails in 24 hours that one visitor without login may ask for.",
    ),
    "VERIFICATION_MAILER": Key(
        type=str,
        default="",
        meaning="Alias of the mailer for these mails; empty for the default mailer.",
    ),
    "VERIFICATION_SUCCESS_URL": Key(
        type=str,
        default="",
        meaning="Where to go after a confirmation: a path, URL or name of a view; empty for the page that says so.",
    ),
    "VERIFICATION_REDIRECT_HOSTS": Key(
        type=list,
        default=[],
        meaning="Hosts besides the site's own to which `next` may lead.",
    ),
    "VERIFICATION_STORE": Key(
        type=str,
        default="table",
        meaning="Where else a proof is noted: table for nowhere, field:NAME for a field of the user, is_active.",
    ),
    "VERIFICATION_UNIQUE": Key(
        type=bool,
        default=True,
        meaning="Whether an address can be proved by one user only.",
    ),
    "VERIFICATION_LOGIN_ON_VERIFY": Key(
        type=bool,
        default=False,
        meaning="Whether a confirmation logs in, in the browser that signed up.",
    ),
    "VERIFICATION_CHANGE_LOGIN": Key(
        type=bool,
        default=True,
        meaning="Whether a change of address is confirmed by whoever is logged in only; without, a mistyped address hands over the account.",
    ),
    "VERIFICATION_MAIL_UNKNOWN": Key(
        type=bool,
        default=True,
        meaning="Whether an address without account that asks for a mail is told so by mail.",
    ),
    "VERIFICATION_NOTIFY_OLD_ADDRESS": Key(
        type=bool,
        default=True,
        meaning="Whether a change of address is told to the old one, with a link that undoes it.",
    ),
}


def configured() -> Any:
    """What the project wrote in MAILPLUS, unchecked; empty when it wrote nothing."""
    return getattr(settings, "MAILPLUS", {})


def setting(name: str) -> Any:
    """The value of one key, or its default. Raises KeyError for a key that is not ours."""
    default = KEYS[name].default
    value = configured()
    return value.get(name, default) if isinstance(value, Mapping) else default
