"""MAILERS means the same on every Django."""

from __future__ import annotations

import pytest
from django.core import mail as django_mail
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from example_backends import Refusing

from django_mailplus.compat import (
    NATIVE,
    InvalidMailer,
    MailerDoesNotExist,
    email_options,
    email_setting,
    get_mailer,
    mailers,
)

DJANGO_SMTP = "django.core.mail.backends.smtp.EmailBackend"
OUR_SMTP = "django_mailplus.backends.smtp.EmailBackend"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture(params=[DJANGO_SMTP, OUR_SMTP])
def smtp_path(request):
    return request.param


def test_the_mapping_knows_its_aliases_without_building_backends(with_mailers):
    with_mailers({"default": {"BACKEND": "no.such.Backend"}, "b": {}})
    assert list(mailers) == ["default", "b"]
    assert "b" in mailers
    assert "c" not in mailers


def test_every_access_builds_a_new_backend(with_mailers):
    with_mailers({"default": {"BACKEND": LOCMEM}})
    assert mailers.default is not mailers["default"]
    assert mailers["default"].alias == "default"


def test_an_unknown_alias_is_mailer_does_not_exist(with_mailers):
    with_mailers({"default": {"BACKEND": LOCMEM}})
    with pytest.raises(MailerDoesNotExist, match="The mailer 'x' is not configured"):
        mailers["x"]
    with pytest.raises(KeyError):
        mailers["x"]
    assert mailers.get("x") is None


def test_errors_of_configuration_are_improperly_configured():
    assert issubclass(MailerDoesNotExist, InvalidMailer)
    assert issubclass(InvalidMailer, ImproperlyConfigured)
    assert str(InvalidMailer("Broken.", alias="x")) == "MAILERS['x']: Broken."
    assert str(InvalidMailer("Broken.")) == "Broken."


def test_a_backend_that_cannot_be_imported_is_named(with_mailers):
    with_mailers({"default": {"BACKEND": "no.such.Backend"}})
    with pytest.raises(
        InvalidMailer, match=r"MAILERS\['default'\]: Could not find BACKEND 'no"
    ):
        _ = mailers.default


def test_options_must_not_set_the_alias(with_mailers):
    with_mailers({"default": {"BACKEND": LOCMEM, "OPTIONS": {"alias": "x"}}})
    with pytest.raises(InvalidMailer, match="OPTIONS must not define 'alias'"):
        _ = mailers.default


@pytest.mark.parametrize(
    ("path", "options"),
    [
        (DJANGO_SMTP, {"host": "a", "hots": "b"}),
        (OUR_SMTP, {"host": "a", "hots": "b"}),
        (LOCMEM, {"hots": "b"}),
        ("django.core.mail.backends.console.EmailBackend", {"hots": "b"}),
        ("django.core.mail.backends.dummy.EmailBackend", {"hots": "b"}),
        ("example_backends.PopsItsOptions", {"api_key": "k", "hots": "b"}),
        ("example_backends.Provider", {"hots": "b"}),
        ("example_backends.Stamp", {"using": "default", "hots": "b"}),
    ],
)
def test_unknown_options_are_refused(with_mailers, path, options):
    with_mailers(
        {"default": {"BACKEND": LOCMEM}, "x": {"BACKEND": path, "OPTIONS": options}}
    )
    with pytest.raises(InvalidMailer, match=r"MAILERS\['x'\]: Unknown options 'hots'"):
        mailers["x"]


def test_options_that_a_backend_takes_from_its_kwargs_are_known(with_mailers):
    with_mailers(
        {
            "a": {
                "BACKEND": "example_backends.PopsItsOptions",
                "OPTIONS": {"api_key": "k"},
            },
            "b": {"BACKEND": "example_backends.Provider", "OPTIONS": {"use_tls": True}},
        }
    )
    assert mailers["a"].api_key == "k"
    assert (mailers["b"].host, mailers["b"].port) == ("smtp.provider.example", 587)


def test_smtp_needs_a_host(with_mailers, smtp_path):
    with_mailers({"default": {"BACKEND": smtp_path}})
    with pytest.raises(InvalidMailer, match="OPTIONS must define 'host'"):
        _ = mailers.default


def test_smtp_refuses_both_kinds_of_tls(with_mailers, smtp_path):
    options = {"host": "a", "use_tls": True, "use_ssl": True}
    with_mailers({"default": {"BACKEND": smtp_path, "OPTIONS": options}})
    with pytest.raises(
        InvalidMailer, match="'use_ssl' and 'use_tls' OPTIONS are incompatible"
    ):
        _ = mailers.default


@pytest.mark.parametrize(
    ("options", "port"),
    [
        ({}, 25),
        ({"use_tls": True}, 587),
        ({"use_ssl": True}, 465),
        ({"port": 1025}, 1025),
    ],
)
def test_the_port_follows_from_the_kind_of_tls(with_mailers, smtp_path, options, port):
    with_mailers(
        {"default": {"BACKEND": smtp_path, "OPTIONS": {"host": "a", **options}}}
    )
    assert mailers.default.port == port


def test_no_email_setting_leaks_into_a_mailer(with_mailers, smtp_path):
    from django_mailplus import compat

    with_mailers({"default": {"BACKEND": smtp_path, "OPTIONS": {"host": "a"}}})
    leaky = {
        "EMAIL_PORT": 2525,
        "EMAIL_HOST_USER": "user",
        "EMAIL_HOST_PASSWORD": "secret",
        "EMAIL_USE_TLS": True,
        "EMAIL_TIMEOUT": 99,
        "EMAIL_SSL_CERTFILE": "cert",
        "EMAIL_SSL_KEYFILE": "key",
    }
    if compat.NATIVE:
        leaky = {}  # Django refuses them beside MAILERS
    with override_settings(**leaky):
        backend = mailers.default
    assert backend.port == 25
    assert backend.username is None
    assert backend.password is None
    assert backend.use_tls is False
    assert backend.use_ssl is False
    assert backend.timeout is None
    assert backend.ssl_certfile is None
    assert backend.ssl_keyfile is None


def test_the_file_backend_needs_its_path(with_mailers, tmp_path):
    path = "django.core.mail.backends.filebased.EmailBackend"
    with_mailers(
        {
            "a": {"BACKEND": path},
            "b": {"BACKEND": path, "OPTIONS": {"file_path": str(tmp_path)}},
        }
    )
    with pytest.raises(InvalidMailer, match="OPTIONS must define 'file_path'"):
        mailers["a"]
    assert mailers["b"].file_path == str(tmp_path)


def test_no_mailer_reaches_a_network_while_tests_run():
    for alias in mailers:
        with mailers[alias] as backend:
            sent = backend.send_messages(
                [django_mail.EmailMessage("x", to=["a@example.com"])]
            )
        assert sent == 1
        assert django_mail.outbox[-1].sent_using == alias


def test_a_nested_override_keeps_the_mailers_of_the_test(with_mailers):
    with_mailers({"default": {"BACKEND": "example_backends.Counting"}})
    with override_settings(USE_TZ=False):
        assert type(mailers.default).__name__ == "Counting"


def test_locmem_tells_which_mailer_sent(with_mailers):
    with_mailers({"default": {"BACKEND": LOCMEM}, "b": {"BACKEND": LOCMEM}})
    mailers["b"].send_messages([django_mail.EmailMessage("x", to=["a@example.com"])])
    assert django_mail.outbox[-1].sent_using == "b"


def test_without_mailers_the_default_is_email_backend(with_email_settings):
    with_email_settings(EMAIL_BACKEND=LOCMEM)
    assert list(mailers) == []
    assert type(mailers.default).__module__ == "django.core.mail.backends.locmem"
    with pytest.raises(MailerDoesNotExist):
        mailers["other"]


def test_email_settings_are_read_without_a_warning(with_email_settings):
    with_email_settings(
        EMAIL_BACKEND=OUR_SMTP, EMAIL_HOST="mail.example.com", EMAIL_PORT=2525
    )
    assert email_setting("EMAIL_BACKEND") == OUR_SMTP
    assert email_options()["host"] == "mail.example.com"
    backend = get_mailer(None)
    assert (backend.host, backend.port, backend.alias) == (
        "mail.example.com",
        2525,
        None,
    )


@pytest.mark.skipif(NATIVE, reason="Django 6.1 has MAILERS itself")
def test_mailers_of_the_settings_fixture_of_pytest_django(settings):
    settings.MAILERS = {"default": {"BACKEND": "example_backends.Refusing"}}
    assert isinstance(mailers.default, Refusing)
