"""MAILERS with one meaning on every supported Django.

The only module that asks which Django this is, and the only reader of MAILERS and
EMAIL_*. On Django 6.1 the names below are Django's own. On 5.2 and 6.0 they are a
backport with the same contract: a new backend at every access, explicit options
only, unknown options refused, and no network while tests run.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Mapping
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

import django.core.mail
from django.conf import global_settings, settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.filebased import EmailBackend as FileBackend
from django.core.mail.backends.locmem import EmailBackend as LocmemBackend
from django.core.mail.backends.smtp import EmailBackend as SMTPBackend
from django.db import transaction
from django.utils.module_loading import import_string

__all__ = [
    "DEFAULT_MAILER_ALIAS",
    "DEFAULT_MAILER_BACKEND",
    "EMAIL_SETTING_OF_OPTION",
    "MODERN_MIME",
    "NATIVE",
    "PEOPLE_ARE_ADDRESSES",
    "InvalidMailer",
    "MailerDoesNotExist",
    "MailersHandler",
    "configured_mailers",
    "email_in_local_time",
    "email_options",
    "email_setting",
    "get_mailer",
    "in_transaction",
    "mailer_settings",
    "mailers",
    "mailers_defined",
    "option_label",
    "plain_address",
    "prepare_address",
    "tests_running",
]

NATIVE = hasattr(django.core.mail, "mailers")
"""Whether this Django knows MAILERS itself (6.1 and later)."""

PEOPLE_ARE_ADDRESSES = hasattr(django.core.mail, "_send_server_message")
"""Whether ADMINS and MANAGERS are addresses (6.0 and later) rather than pairs."""

MODERN_MIME = "policy" in inspect.signature(EmailMessage.message).parameters
"""Whether Django builds mail with email.message.EmailMessage (6.0 and later)."""

DEFAULT_MAILER_ALIAS = "default"
DEFAULT_MAILER_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

EMAIL_SETTING_OF_OPTION: Mapping[str, str] = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "timeout": "EMAIL_TIMEOUT",
    "ssl_keyfile": "EMAIL_SSL_KEYFILE",
    "ssl_certfile": "EMAIL_SSL_CERTFILE",
}
"""The EMAIL_ setting that stands for each option of the SMTP backend."""


def mailers_defined() -> bool:
    """Whether the project configures its mail with MAILERS."""
    return hasattr(settings, "MAILERS")


def mailer_settings() -> Any:
    """MAILERS as the project wrote it, unchecked.

    Without MAILERS: the one mailer "default" that EMAIL_BACKEND stands for.
    """
    if mailers_defined():
        return settings.MAILERS
    return {DEFAULT_MAILER_ALIAS: {"BACKEND": email_setting("EMAIL_BACKEND")}}


def configured_mailers() -> Any:
    """The same without what Django's test environment puts in the place of each mailer."""
    test_utils = sys.modules.get("django.test.utils")
    saved = getattr(getattr(test_utils, "_TestState", None), "saved_data", None)
    if mailers_defined():
        swapped = hasattr(saved, "mailers") and not _is_overridden("MAILERS")
        return saved.mailers if swapped else settings.MAILERS  # type: ignore[union-attr]
    swapped = hasattr(saved, "email_backend") and not _is_overridden("EMAIL_BACKEND")
    path = saved.email_backend if swapped else email_setting("EMAIL_BACKEND")  # type: ignore[union-attr]
    return {DEFAULT_MAILER_ALIAS: {"BACKEND": path}}


def _is_overridden(name: str) -> bool:
    """Whether `override_settings` changed a setting, or took it away, for now."""
    holder: Any = settings._wrapped  # type: ignore[misc]  # private to Django
    while getattr(holder, "default_settings", global_settings) is not global_settings:
        if name in holder.__dict__ or name in holder._deleted:
            return True
        holder = holder.default_settings
    return False


def email_setting(name: str) -> Any:
    """The value of an EMAIL_ setting; None where MAILERS replaced it.

    Read past the deprecation warning of Django 6.1, which is meant for whoever
    wrote the setting.
    """
    if NATIVE and mailers_defined():
        return None
    source: object = settings
    if NATIVE:
        source = settings._wrapped  # type: ignore[misc]  # private to Django
    return getattr(source, name, None)


def email_options() -> dict[str, Any]:
    """The EMAIL_ settings in the shape of the OPTIONS of an SMTP mailer."""
    return {
        option: email_setting(name) for option, name in EMAIL_SETTING_OF_OPTION.items()
    }


def email_in_local_time() -> bool:
    """Whether the Date header is local; no mailer has an option for that."""
    return bool(settings.EMAIL_USE_LOCALTIME)


# An address, or a name of plain words and an address: what every Django reads without
# objection. Its parser takes 0.3 ms for one.
_ADDR_SPEC = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_PLAIN_ADDRESS = re.compile(rf"({_ADDR_SPEC})|\w+(?: \w+)* <({_ADDR_SPEC})>")


def plain_address(address: object) -> str | None:
    """The bare address, where it can be told without a parser."""
    if type(address) is str and (found := _PLAIN_ADDRESS.fullmatch(address)):
        return found[1] or found[2]
    return None


def prepare_address(backend: Any, message: EmailMessage, address: Any) -> str:
    """The bare address as Django's SMTP backend puts it on the wire, or its ValueError."""
    if (
        (plain := plain_address(address)) is not None
        and (address.isascii() or not message.encoding)
        and _is_djangos(type(backend))
    ):
        return plain
    if hasattr(SMTPBackend, "prep_address"):  # 6.0 and later
        return str(backend.prep_address(address))
    from django.core.mail.message import sanitize_address

    encoding = message.encoding or settings.DEFAULT_CHARSET
    named = sanitize_address(address, encoding)
    return parseaddr(named)[1] or str(named)  # as smtplib does before it writes one


def _is_djangos(backend_class: Any) -> bool:
    """Whether the class prepares addresses as Django does."""
    ours = getattr(backend_class, "prep_address", None)
    return ours is getattr(SMTPBackend, "prep_address", None)


def option_label(alias: str | None, option: str) -> str:
    """Where the project wrote an option: for messages that name it."""
    if alias is None:
        return EMAIL_SETTING_OF_OPTION.get(option, option)
    return f"MAILERS[{alias!r}]['OPTIONS'][{option!r}]"


def tests_running() -> bool:
    """Whether Django's test environment is set up, without importing it."""
    test_utils = sys.modules.get("django.test.utils")
    return test_utils is not None and hasattr(test_utils._TestState, "saved_data")


def in_transaction(database: str) -> bool:
    """Whether something waits for a commit: the wrapping of Django's TestCase does not."""
    blocks = transaction.get_connection(database).atomic_blocks
    return any(not block._from_testcase for block in blocks)


def get_mailer(alias: str | None) -> BaseEmailBackend:
    """A new backend for an alias.

    None means our SMTP backend with the EMAIL_ settings: what a wrapper wraps when
    it is named in EMAIL_BACKEND itself. Raises `MailerDoesNotExist` for an unknown
    alias, `InvalidMailer` for a mistake in its configuration.
    """
    if alias is not None:
        return mailers[alias]
    smtp: type[BaseEmailBackend] = import_string(
        "django_mailplus.backends.smtp.EmailBackend"
    )
    return smtp()


# What Django 6.1 has and earlier versions lack. Type checkers see Django's own.

if NATIVE or TYPE_CHECKING:
    from django.core.mail import InvalidMailer, MailerDoesNotExist, mailers
    from django.core.mail.handler import MailersHandler
else:

    class InvalidMailer(ImproperlyConfigured):
        """A MAILERS entry has a configuration error."""

        def __init__(self, msg, *, alias=None):
            prefix = "" if alias is None else f"MAILERS[{alias!r}]: "
            super().__init__(f"{prefix}{msg}")

    class MailerDoesNotExist(InvalidMailer, KeyError):  # noqa: N818 (the name in Django)
        """The alias that was asked for is not in MAILERS."""

        def __init__(self, *, alias):
            super().__init__(f"The mailer '{alias}' is not configured.")

    class MailersHandler:
        """The mapping `mailers`: alias to a new backend."""

        def __getitem__(self, alias, /):
            return self.create_connection(alias)

        def __contains__(self, alias, /):
            return alias in self.settings

        def __iter__(self):
            return iter(self.settings)

        def get(self, alias, /, default=None):
            try:
                return self[alias]
            except MailerDoesNotExist:
                return default

        @property
        def default(self):
            return self[DEFAULT_MAILER_ALIAS]

        @property
        def settings(self):
            return getattr(settings, "MAILERS", {})

        def create_connection(self, alias, /, *, _deprecated_kwargs=None):
            if not mailers_defined() and alias == DEFAULT_MAILER_ALIAS:
                return django.core.mail.get_connection()  # noqa: TID251 (legacy default)
            try:
                config = self.settings[alias]
            except KeyError:
                raise MailerDoesNotExist(alias=alias) from None
            options = dict(config.get("OPTIONS", {}))
            if "alias" in options:
                raise InvalidMailer("OPTIONS must not define 'alias'.", alias=alias)
            if _tests_replace_mailers():
                return _as_in_django_6_1(LocmemBackend)(alias=alias)
            path = config.get("BACKEND", DEFAULT_MAILER_BACKEND)
            try:
                backend_class = import_string(path)
            except ImportError as error:
                raise InvalidMailer(
                    f"Could not find BACKEND {path!r}: {error}", alias=alias
                ) from error
            return _construct(backend_class, alias, options, _deprecated_kwargs or {})

    def _tests_replace_mailers():
        """Whether tests are running and MAILERS is not what a test put there.

        Django 6.1 swaps every mailer for locmem in `setup_test_environment()`;
        `override_settings(MAILERS=...)` inside a test brings real ones back.
        """
        return tests_running() and not _is_overridden("MAILERS")

    def _construct(backend_class, alias, options, overrides):
        """An instance that got its alias and its options, and nothing else."""
        options |= overrides
        if overrides:
            options["_ignore_unknown_kwargs"] = set(overrides)
        return _as_in_django_6_1(backend_class)(alias=alias, **options)

    @functools.cache
    def _as_in_django_6_1(backend_class):
        """The class with the constructors of Django 6.1 below its own.

        Python puts the mixins right before the class of Django that each extends,
        so they see what is left of the options after the backend took its own.
        """
        if not (
            isinstance(backend_class, type)
            and issubclass(backend_class, BaseEmailBackend)
        ):
            return backend_class
        mixins = [
            m
            for m in (_SMTP, _File, _Locmem, _Base)
            if issubclass(backend_class, m.__base__)
        ]
        covered = any(issubclass(mixin, backend_class) for mixin in mixins)
        bases = (*mixins,) if covered else (backend_class, *mixins)
        return type(
            backend_class.__name__,
            bases,
            {
                "__module__": backend_class.__module__,
                "__qualname__": backend_class.__qualname__,
                "__doc__": backend_class.__doc__,
            },
        )

    def _refuse_unknown(options, ignored, alias):
        if unknown := sorted(options.keys() - (ignored or ())):
            names = ", ".join(map(repr, unknown))
            raise InvalidMailer(f"Unknown options {names}.", alias=alias)

    class _Base(BaseEmailBackend):
        def __init__(
            self,
            fail_silently=False,
            *,
            alias=None,
            _ignore_unknown_kwargs=None,
            **options,
        ):
            self.alias = alias
            _refuse_unknown(options, _ignore_unknown_kwargs, alias)
            super().__init__(fail_silently=fail_silently)

    class _Locmem(LocmemBackend):
        def send_messages(self, messages):
            count = super().send_messages(messages)
            for message in django.core.mail.outbox[-count:] if count else ():
                message.sent_using = self.alias
            return count

    class _File(FileBackend):
        def __init__(self, *args, file_path=None, alias=None, **options):
            if file_path is None:  # Django would take EMAIL_FILE_PATH
                raise InvalidMailer("OPTIONS must define 'file_path'.", alias=alias)
            super().__init__(*args, file_path=file_path, alias=alias, **options)

    class _SMTP(SMTPBackend):
        def __init__(
            self,
            host=None,
            port=None,
            username=None,
            password=None,
            use_tls=None,
            fail_silently=False,
            use_ssl=None,
            timeout=None,
            ssl_keyfile=None,
            ssl_certfile=None,
            *,
            alias=None,
            _ignore_unknown_kwargs=None,
            **options,
        ):
            self.alias = alias
            _refuse_unknown(options, _ignore_unknown_kwargs, alias)
            if host is None:
                raise InvalidMailer("OPTIONS must define 'host'.", alias=alias)
            if use_ssl and use_tls:
                raise InvalidMailer(
                    "The 'use_ssl' and 'use_tls' OPTIONS are incompatible. "
                    "Set at most one of them to True.",
                    alias=alias,
                )
            super().__init__(
                host=host,
                port=port or (465 if use_ssl else 587 if use_tls else 25),
                username="",
                password="",
                use_tls=bool(use_tls) and use_tls,
                use_ssl=bool(use_ssl) and use_ssl,
                fail_silently=fail_silently,
            )
            # What is left out stays unset: these would fall back to EMAIL_ settings.
            self.username = username
            self.password = password
            self.timeout = timeout
            self.ssl_keyfile = ssl_keyfile
            self.ssl_certfile = ssl_certfile

    mailers = MailersHandler()
