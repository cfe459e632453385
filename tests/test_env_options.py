"""mailers_from_env(): options get their types, and what was percent-encoded comes back."""

from __future__ import annotations

from urllib.parse import quote

import environ  # noqa: TID253 (the tests always have the extra)
import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import assume, example, given
from hypothesis import strategies as st

from django_mailplus.env import mailers_from_env


def options(url: str):
    env = environ.Env()
    env.ENVIRON = {"MAILERS_DEFAULT_URL": url}
    return mailers_from_env(env)["default"]["OPTIONS"]


def url_error(url: str) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        options(url)
    return str(caught.value)


# --- Types of options ------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["False", "false", "0", "off", "no", "NO"])
def test_words_for_no_are_false(value):
    assert options(f"smtp://h?use_tls={value}")["use_tls"] is False


@pytest.mark.parametrize("value", ["True", "true", "1", "on", "yes"])
def test_words_for_yes_are_true(value):
    assert options(f"smtp://h?use_tls={value}")["use_tls"] is True


def test_a_flag_that_is_neither_is_refused():
    assert "use_tls must be true or false" in url_error("smtp://h?use_tls=maybe")


@pytest.mark.parametrize(
    ("text", "value"),
    [("10", 10), ("2.5", 2.5), ("none", None), ("None", None), ("", None)],
)
@pytest.mark.parametrize("name", ["timeout", "pool_idle"])
def test_timeout_is_a_number_or_none(text, value, name):
    timeout = options(f"smtp://h?{name}={text}")[name]
    assert timeout == value
    assert type(timeout) is type(value)


@pytest.mark.parametrize("text", ["0", "-1", "ten", "1e3", "nan", "٣"])
def test_a_timeout_that_is_no_time_is_refused(text):
    assert "timeout must be a number of seconds above 0, or none" in url_error(
        f"smtp://h?timeout={text}"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("007", "007"),
        ("1.5", "1.5"),
        ("yes", "yes"),
        ("none", "none"),
        ("", ""),
        ("a+b%20c", "a+b c"),
        ("9" * 30, "9" * 30),
    ],
)
def test_an_unknown_option_is_a_bool_or_an_int_only_when_that_is_plain(text, value):
    result = options(f"a.EmailBackend://?limit={text}")["limit"]
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "name", ["api_key", "server_token", "client_secret", "tenant_id"]
)
def test_an_option_named_like_a_credential_stays_text(name):
    assert options(f"a.EmailBackend://?{name}=123")[name] == "123"


def test_an_option_given_several_times_is_a_list():
    assert options("a.EmailBackend://?using=ses&using=smtp")["using"] == ["ses", "smtp"]


def test_a_known_option_given_twice_is_refused():
    assert "timeout is given more than once" in url_error(
        "smtp://h?timeout=1&timeout=2"
    )


def test_options_of_smtp_may_be_written_as_django_environ_writes_them():
    assert options("smtp://h?EMAIL_USE_TLS=True&TIMEOUT=5") == {
        "host": "h",
        "use_tls": True,
        "timeout": 5,
    }


# --- Percent-decoding --------------------------------------------------------------------------


def test_a_plus_stays_a_plus_everywhere():
    assert options("smtp://a+b:c+d@h?ssl_certfile=e+f") == {
        "host": "h",
        "username": "a+b",
        "password": "c+d",
        "ssl_certfile": "e+f",
    }


def test_a_domain_name_outside_ascii_is_idna_encoded():
    assert options("smtp://b%C3%BCcher.example")["host"] == "xn--bcher-kva.example"
    assert options("smtp://bücher.example")["host"] == "xn--bcher-kva.example"


def test_an_at_sign_in_the_password_need_not_be_encoded():
    assert options("smtp://u:p@ss@h")["password"] == "p@ss"


names = st.text(min_size=1, max_size=30)
hosts = st.from_regex(
    r"[a-z][a-z0-9-]{0,15}(\.[a-z][a-z0-9]{0,10}){0,3}", fullmatch=True
)


@given(
    names, names, hosts, st.integers(1, 65535), st.sampled_from(["smtp", "smtp+tls"])
)
@example("user", "+ %20/?#@:&=%", "h", 1, "smtp")
def test_what_is_percent_encoded_comes_back(username, password, host, port, scheme):
    assume(not any("\ud800" <= c <= "\udfff" for c in username + password))
    url = f"{scheme}://{quote(username, safe='')}:{quote(password, safe='')}@{host}:{port}"
    got = options(url)
    assert (got["username"], got["password"], got["host"], got["port"]) == (
        username,
        password,
        host,
        port,
    )


@given(names)
def test_a_directory_comes_back(name):
    assume(not any("\ud800" <= c <= "\udfff" for c in name))
    assert options(f"file:///d/{quote(name, safe='')}") == {"file_path": f"/d/{name}"}


def test_our_own_backend_by_its_path_takes_the_host_as_an_option():
    url = "django_mailplus.backends.smtp.EmailBackend://?host=127.0.0.1&port=8025"
    assert options(url) == {"host": "127.0.0.1", "port": 8025}
