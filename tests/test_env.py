"""mailers_from_env(): every URL becomes the MAILERS entry it says, or one clear error."""

from __future__ import annotations

import sys
import traceback
from urllib.parse import quote

import environ  # noqa: TID253 (the tests always have the extra)
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_mailplus import mail
from django_mailplus.env import mailers_from_env
from django_mailplus.exceptions import MissingExtraError

SMTP = "django_mailplus.backends.smtp.EmailBackend"


def read(variables: dict[str, str], *, default: str | None = None, **declared):
    env = environ.Env(**declared)
    env.ENVIRON = variables
    return mailers_from_env(env, default=default)


def default_mailer(url: str):
    return read({"MAILERS_DEFAULT_URL": url})["default"]


def options(url: str):
    return default_mailer(url)["OPTIONS"]


def error_text(variables: dict[str, str], **kwargs) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        read(variables, **kwargs)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


def url_error(url: str) -> str:
    text = error_text({"MAILERS_DEFAULT_URL": url})
    assert text.startswith("MAILERS_DEFAULT_URL: ")
    return text


# --- Schemes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "backend", "expected"),
    [
        (
            "smtp+tls://user:p%40ss@smtp.example.com:587?timeout=10",
            SMTP,
            {
                "host": "smtp.example.com",
                "port": 587,
                "username": "user",
                "password": "p@ss",
                "use_tls": True,
                "timeout": 10,
            },
        ),
        ("smtp+ssl://h", SMTP, {"host": "h", "use_ssl": True}),
        ("smtp://h:25/", SMTP, {"host": "h", "port": 25}),
        ("smtps://h:587", SMTP, {"host": "h", "port": 587, "use_tls": True}),
        ("SMTP+TLS://h", SMTP, {"host": "h", "use_tls": True}),
        ("console://", "django.core.mail.backends.console.EmailBackend", {}),
        ("consolemail://", "django.core.mail.backends.console.EmailBackend", {}),
        ("locmem://", "django.core.mail.backends.locmem.EmailBackend", {}),
        ("memorymail://", "django.core.mail.backends.locmem.EmailBackend", {}),
        ("dummy://", "django.core.mail.backends.dummy.EmailBackend", {}),
        ("dummymail://", "django.core.mail.backends.dummy.EmailBackend", {}),
        (
            "file:///var/my%20mail",
            "django.core.mail.backends.filebased.EmailBackend",
            {"file_path": "/var/my mail"},
        ),
        (
            "file:///C:/mail",
            "django.core.mail.backends.filebased.EmailBackend",
            {"file_path": "C:/mail"},
        ),
        (
            "filemail:////var/mail",
            "django.core.mail.backends.filebased.EmailBackend",
            {"file_path": "/var/mail"},
        ),
        (
            "django_mailplus.backends.redirect.EmailBackend://?using=smtp&to=dev@example.com",
            "django_mailplus.backends.redirect.EmailBackend",
            {"using": "smtp", "to": "dev@example.com"},
        ),
        (
            "shop.mail.EmailBackend://u:p@h:2525",
            "shop.mail.EmailBackend",
            {"host": "h", "port": 2525, "username": "u", "password": "p"},
        ),
    ],
)
def test_each_form_gives_its_backend_and_options(url, backend, expected):
    assert default_mailer(url) == {"BACKEND": backend, "OPTIONS": expected}


@pytest.mark.parametrize(
    "url",
    [
        "smtp://u:p%40ss@h:25",
        "smtps://u:p@h:587",
        "smtp+tls://u:p@h:587",
        "smtp+ssl://u:p@h:465",
        "consolemail://",
        "filemail:///tmp/app-messages",
        "filemail:////tmp/app-messages",
        "memorymail://",
        "dummymail://",
    ],
)
def test_an_email_url_means_what_django_environ_makes_of_it(url):
    theirs = environ.Env.email_url_config(url)
    ours = read({"EMAIL_URL": url})["default"]
    expected = {
        "host": theirs["EMAIL_HOST"],
        "port": theirs["EMAIL_PORT"],
        "username": theirs["EMAIL_HOST_USER"],
        "password": theirs["EMAIL_HOST_PASSWORD"],
        "file_path": theirs["EMAIL_FILE_PATH"],
        "use_tls": theirs.get("EMAIL_USE_TLS"),
        "use_ssl": theirs.get("EMAIL_USE_SSL"),
    }
    assert ours["OPTIONS"] == {name: value for name, value in expected.items() if value}
    backend = theirs["EMAIL_BACKEND"]
    if backend == "django.core.mail.backends.smtp.EmailBackend":
        backend = SMTP
    assert ours["BACKEND"] == backend


@pytest.mark.parametrize(
    "url", ["file:///{dir}", "console://", "locmem://", "dummy://"]
)
def test_the_result_is_a_mailers_setting_that_this_django_builds(url, tmp_path):
    mailers = read(
        {"MAILERS_DEFAULT_URL": url.format(dir=quote(str(tmp_path / "a b")))}
    )
    with override_settings(MAILERS=mailers):
        assert type(mail.mailers["default"]).__name__ == "EmailBackend"


def test_the_smtp_backend_gets_the_options_of_its_url():
    with override_settings(
        MAILERS=read({"MAILERS_DEFAULT_URL": "smtp+ssl://u:a+b@[::1]?timeout=2.5"})
    ):
        backend = mail.mailers["default"]
    assert (backend.host, backend.port, backend.username, backend.password) == (
        "::1",
        465,
        "u",
        "a+b",
    )
    assert (backend.use_ssl, backend.use_tls, backend.timeout) == (True, False, 2.5)


# --- Names of variables --------------------------------------------------------------------


def test_each_variable_is_a_mailer_with_its_alias_in_lower_case():
    mailers = read(
        {
            "MAILERS_DEFAULT_URL": "console://",
            "MAILERS_BULK_MAIL_URL": "dummy://",
            "MAILERS__FILE": "x",
            "PATH": "/bin",
        }
    )
    assert list(mailers) == ["bulk_mail", "default"]


def test_email_url_is_the_default_mailer():
    mailers = read({"EMAIL_URL": "dummy://", "MAILERS_BULK_URL": "console://"})
    assert (
        mailers["default"]["BACKEND"] == "django.core.mail.backends.dummy.EmailBackend"
    )
    assert set(mailers) == {"default", "bulk"}


def test_email_url_and_the_default_variable_may_agree():
    assert set(read({"EMAIL_URL": "dummy://", "MAILERS_DEFAULT_URL": "dummy://"})) == {
        "default"
    }


def test_email_url_and_the_default_variable_must_not_differ():
    text = error_text(
        {"EMAIL_URL": "dummy://secret", "MAILERS_DEFAULT_URL": "console://"}
    )
    assert text == (
        "EMAIL_URL and MAILERS_DEFAULT_URL both configure the mailer 'default', with different "
        "values. Unset one of them."
    )


def test_two_spellings_of_one_alias_are_refused():
    text = error_text({"MAILERS_A_URL": "dummy://", "MAILERS_a_URL": "console://"})
    assert "MAILERS_A_URL and MAILERS_a_URL" in text


def test_the_prefix_of_the_env_is_part_of_the_names():
    env = environ.Env()
    env.prefix = "SHOP_"
    env.ENVIRON = {
        "SHOP_MAILERS_DEFAULT_URL": "dummy://",
        "MAILERS_BULK_URL": "console://",
    }
    assert set(mailers_from_env(env)) == {"default"}


def test_a_default_declared_on_the_env_counts():
    assert set(read({}, EMAIL_URL=(str, "dummy://"))) == {"default"}


def test_a_variable_that_is_only_declared_does_not_count():
    assert "No mailer is configured" in error_text({}, EMAIL_URL=str)


def test_a_value_may_point_to_another_variable():
    mailers = read({"MAILERS_DEFAULT_URL": "$SMTP_URL", "SMTP_URL": "smtp://h"})
    assert mailers["default"]["OPTIONS"] == {"host": "h"}


def test_a_value_may_come_from_a_secret_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("smtp://u:p@h\n", encoding="utf-8")
    env = environ.FileAwareEnv()
    env.ENVIRON = environ.FileAwareMapping({"MAILERS_DEFAULT_URL_FILE": str(secret)})
    assert mailers_from_env(env)["default"]["OPTIONS"]["password"] == "p"


@pytest.mark.parametrize(
    "variable", ["MAILERS_DEFAULT_URL", "MAILERS_DEFAULT_URL_FILE"]
)
def test_a_value_that_cannot_be_read_is_named_and_not_shown(variable):
    env = environ.FileAwareEnv()
    env.ENVIRON = environ.FileAwareMapping({variable: "$smtp://u:hunter2@h"})
    with pytest.raises(
        ImproperlyConfigured, match="MAILERS_DEFAULT_URL could not be read"
    ) as e:
        mailers_from_env(env)
    assert "hunter2" not in "".join(traceback.format_exception(e.value))
    assert e.value.__context__ is None


def test_without_an_env_the_process_environment_is_read(monkeypatch):
    monkeypatch.setenv("MAILERS_DEFAULT_URL", "dummy://")
    monkeypatch.delenv("EMAIL_URL", raising=False)
    assert "default" in mailers_from_env()


def test_without_django_environ_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "environ", None)
    with pytest.raises(
        MissingExtraError, match=r'pip install "django-mailplus\[env\]"'
    ):
        mailers_from_env()


def test_something_that_is_no_env_is_refused():
    with pytest.raises(
        TypeError, match=r"takes an environ\.Env instance or nothing, not dict"
    ):
        mailers_from_env({"MAILERS_DEFAULT_URL": "console://"})


# --- Nothing there -------------------------------------------------------------------------


def test_nothing_configured_is_an_error_that_names_what_to_set():
    text = error_text({"MAILER_DEFAULT_URL": "smtp://u:hunter2@h", "EMAIL_HOST": "h"})
    assert text.startswith(
        "No mailer is configured: set MAILERS_DEFAULT_URL (or EMAIL_URL)"
    )
    assert "Set, but not read: EMAIL_HOST, MAILER_DEFAULT_URL." in text
    assert "smtp+tls://" in text


def test_the_default_stands_in_for_a_missing_default_mailer_only():
    mailers = read({"MAILERS_BULK_URL": "dummy://"}, default="console://")
    assert {alias: m["BACKEND"].split(".")[-2] for alias, m in mailers.items()} == {
        "bulk": "dummy",
        "default": "console",
    }
    mailers = read({"EMAIL_URL": "dummy://"}, default="console://")
    assert mailers["default"]["BACKEND"].split(".")[-2] == "dummy"


def test_a_wrong_default_is_named_as_such():
    assert error_text({}, default="pigeon://").startswith(
        "mailers_from_env(default=...): "
    )


def test_without_a_default_mailer_the_others_are_enough():
    assert set(read({"MAILERS_BULK_URL": "dummy://"})) == {"bulk"}
