"""Mistakes in the settings that would make a proof worthless or a link lead nowhere.

E030 BASE_URL             E031 no address field     E032 generator unusable
E033 store                E034 mailer or client IP  E035 no user model
W030 host is open         W031 generator binds less W032 token resets the password
W033 login with SameSite=Strict
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import (
    FieldDoesNotExist,
    ImproperlyConfigured,
    ObjectDoesNotExist,
)
from django.db import DatabaseError, models
from django.utils.module_loading import import_string

from django_mailplus import compat, conf
from django_mailplus.pages.links import begins_links
from django_mailplus.templated.recipient import email_field_of
from django_mailplus.verification.links import pages_included
from django_mailplus.verification.subject import Subject
from django_mailplus.verification.tokens import accepts_token, default_generator

__all__ = ["check_verification"]


def check_verification() -> Iterator[CheckMessage]:
    """Findings about the verification, where the project uses it."""
    try:
        get_user_model()
    except ImproperlyConfigured as error:
        yield Error(
            f"django_mailplus keeps the addresses of users, and there are none: {error}.",
            hint="Add 'django.contrib.auth' and 'django.contrib.contenttypes' to "
            "INSTALLED_APPS, or the app of your own user model.",
            id="mailplus.E035",
        )
        return
    yield from _base_url()
    yield from _store()
    yield from _names()
    if not pages_included():
        return
    yield from _host()
    yield from _email_field()
    yield from _generator()
    yield from _login()


def _base_url() -> Iterator[CheckMessage]:
    base = conf.setting("BASE_URL")
    if not base:
        return
    if not begins_links(base):
        yield Error(
            f"MAILPLUS['BASE_URL'] is {base!r}, which is no address to begin a link with.",
            hint="Write scheme and host, such as 'https://shop.example.com', without white "
            "space, query or fragment.",
            id="mailplus.E030",
        )


def _host() -> Iterator[CheckMessage]:
    configured = conf.setting("BASE_URL") or apps.is_installed("django.contrib.sites")
    if "*" in settings.ALLOWED_HOSTS and not configured:
        yield Warning(
            "ALLOWED_HOSTS allows every host, and links in mails are made with it: whoever "
            "asks for a mail decides where its link leads.",
            hint="Set MAILPLUS['BASE_URL'], such as 'https://shop.example.com'.",
            id="mailplus.W030",
        )


def _store() -> Iterator[CheckMessage]:
    store = conf.setting("VERIFICATION_STORE")
    kind, _, name = store.partition(":")
    if store == "is_active":
        kind, name = "field", "is_active"
    if store == "table":
        return
    if kind != "field":
        problem = "is not a store"
    elif not isinstance(field := _user_field(name), _STORE_FIELDS):
        what = "no such field" if field is None else f"a {type(field).__name__}"
        problem = f"names {name!r}, which is {what} of the user model"
    elif isinstance(field, models.DateTimeField) and not field.null:
        problem = f"names {name!r}, which cannot be empty and so never say no"
    else:
        return
    yield Error(
        f"MAILPLUS['VERIFICATION_STORE'] is {store!r}: it {problem}.",
        hint="Write 'table', 'is_active', or 'field:NAME' with a BooleanField of the user "
        "model, or a DateTimeField with null=True.",
        id="mailplus.E033",
    )


_STORE_FIELDS = (models.BooleanField, models.DateTimeField)


def _user_field(name: str) -> object:
    try:
        return get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _names() -> Iterator[CheckMessage]:
    mailer = conf.setting("VERIFICATION_MAILER")
    if (
        mailer
        and isinstance(compat.mailer_settings(), Mapping)
        and mailer not in compat.mailers
    ):
        yield Error(
            f"MAILPLUS['VERIFICATION_MAILER'] names the mailer {mailer!r}, which is not "
            "configured.",
            hint=f"Mailers: {', '.join(map(repr, compat.mailers)) or 'none'}.",
            id="mailplus.E034",
        )
    path = conf.setting("VERIFICATION_CLIENT_IP")
    if path:
        try:
            found = import_string(path)
            problem = "" if callable(found) else f"{path!r} cannot be called"
        except Exception as error:
            problem = f"cannot import {path!r}: {error}"
        if problem:
            yield Error(
                f"MAILPLUS['VERIFICATION_CLIENT_IP']: {problem}",
                hint="Name a function that takes a request and returns an IP address.",
                id="mailplus.E034",
            )


def _email_field() -> Iterator[CheckMessage]:
    model = get_user_model()
    name = email_field_of(model)
    if _user_field(name) is None:
        yield Error(
            f"The user model {model._meta.label} has no field {name!r}, so there is no "
            "address to verify.",
            hint="Set EMAIL_FIELD on the model to the name of the field that holds it.",
            id="mailplus.E031",
        )


def _login() -> Iterator[CheckMessage]:
    if (
        conf.setting("VERIFICATION_LOGIN_ON_VERIFY")
        and str(settings.SESSION_COOKIE_SAMESITE).lower() == "strict"
    ):
        yield Warning(
            "MAILPLUS['VERIFICATION_LOGIN_ON_VERIFY'] needs the session of the sign-up, and "
            "SESSION_COOKIE_SAMESITE = 'Strict' keeps browsers from sending it after a click "
            "in a mail.",
            hint="Set SESSION_COOKIE_SAMESITE = 'Lax', Django's default, or let people log in.",
            id="mailplus.W033",
        )


# The generator is tried out: what it accepts after a change, it does not bind.


def _generator() -> Iterator[CheckMessage]:
    path = conf.setting("VERIFICATION_TOKEN_GENERATOR")
    bound = conf.setting("VERIFICATION_BIND_TOKENS")
    try:
        generator = default_generator()
        user = _sample_user()
        subject = _sample(user) if bound else user
        token = generator.make_token(subject)
        works = generator.check_token(subject, token)
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Write the dotted path of an object with make_token() and check_token(), "
            "or leave the key out for Django's.",
            id="mailplus.E032",
        )
        return
    except (ObjectDoesNotExist, DatabaseError) as error:
        if not bound:
            return  # it looks the user up, and there is none to try it with
        works, token = False, f"{type(error).__name__}: {error}"
    except Exception as error:
        works, token = False, f"{type(error).__name__}: {error}"
    if not works:
        yield Error(
            f"MAILPLUS['VERIFICATION_TOKEN_GENERATOR']: {path!r} does not accept its own "
            f"token ({token}).",
            hint="If it looks the user up by user.pk, set MAILPLUS['VERIFICATION_BIND_TOKENS'] "
            "= False; the key it is shown says more than the primary key.",
            id="mailplus.E032",
        )
        return
    missing = [
        what
        for what, changed in _changes(user, bound=bound)
        if accepts_token(generator, changed, token)
    ]
    if missing:
        yield Warning(
            f"Tokens of {path!r} stay good after a change of {' and '.join(missing)}.",
            hint="Let its hash include user.pk, user.password and the address, or use Django's "
            "default_token_generator.",
            id="mailplus.W031",
        )
    if not bound and default_token_generator.check_token(user, token):
        yield Warning(
            "With MAILPLUS['VERIFICATION_BIND_TOKENS'] = False every verification link also "
            "resets the password, and every password-reset link verifies.",
            hint="Set it to True, or give the generator a key_salt of its own.",
            id="mailplus.W032",
        )


def _sample_user() -> Any:
    model = get_user_model()
    user = model(pk=model._meta.pk.get_default() or 1)
    user.password = "x"  # noqa: S105 (of nobody)
    setattr(user, email_field_of(user), "one@example.com")
    return user


def _sample(
    user: Any,
    *,
    purpose: str = "verify",
    email: str = "one@example.com",
    nonce: str = "one",
) -> Subject:
    return Subject(user, purpose=purpose, email=email, nonce=nonce)


def _changes(user: Any, *, bound: bool) -> Iterator[tuple[str, Any]]:
    other = copy.copy(user)
    other.password = "y"  # noqa: S105
    yield "the password", _sample(other) if bound else other
    if bound:
        yield "the address", _sample(user, email="two@example.com")
        yield "the purpose", _sample(user, purpose="change")
        yield "the nonce", _sample(user, nonce="two")
    else:
        other = copy.copy(user)
        setattr(other, email_field_of(user), "two@example.com")
        yield "the address", other
