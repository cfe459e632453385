"""mailers_from_env(): every mistake is one clear error, which never holds a secret."""

from __future__ import annotations

import environ  # noqa: TID253 (the tests always have the extra)
import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.env import mailers_from_env


def read(variables: dict[str, str], *, default: str | None = None, **declared):
    env = environ.Env(**declared)
    env.ENVIRON = variables
    return mailers_from_env(env, default=default)


def default_mailer(url: str):
    return read({"MAILERS_DEFAULT_URL": url})["default"]


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


# --- Mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "the value is empty"),
        ("smtp.example.com", "does not start with a known scheme"),
        ("http://h", "does not start with a known scheme"),
        ("pigeon.://h", "does not start with a known scheme"),
        ("smtp://", "there is no host"),
        ("smtp://:25", "there is no host"),
        ("smtp://u:p@", "there is no host"),
        ("smtp://h:0", "port is not a number from 1 to 65535"),
        ("smtp://h:65536", "port is not a number"),
        ("smtp://u:pa/ss@h", "a path after the host"),
        ("smtp://u:12/34@h", "a path after the host"),
        ("smtp://u:12#34@h", "contains a '#'"),
        ("smtp://u:12?34@h", "not a list of option=value"),
        ("smtp://u:12?a=34@h", "not a list of option=value"),
        ("smtp://h/path", "a path after the host"),
        ("smtp://my host", "not a valid host name"),
        ("smtp://h\nx", "control character"),
        ("smtp://u:%ff@h", "the password has percent codes that are not UTF-8"),
        ("smtp://..\u00fc", "not a valid host name"),
        ("smtp://h?use_tls", "not a list of option=value"),
        ("smtp://h?port=x", "port is not a number"),
        ("smtp://u@h?username=u", "username is given twice"),
        ("smtp+tls://h?use_tls=false", "contradicts"),
        ("smtp+ssl://h?use_tls=true", "contradicts"),
        ("smtp://h?use_tls=1&use_ssl=1", "contradicts"),
        (
            "smtps://h:465",
            "Write smtp+ssl:// with port 465, or smtp+tls:// with port 587",
        ),
        ("file://var/mail", "three slashes"),
        ("file://", "no directory"),
        ("file:///", "no directory"),
        ("console://x", "nothing but options belongs after console://"),
    ],
)
def test_each_mistake_is_one_clear_error(url, words):
    assert words in url_error(url)


def test_an_unknown_scheme_is_told_which_ones_there_are():
    text = url_error("mailgun://u:hunter2@h")
    for form in ("smtp+tls://", "smtp+ssl://", "file:///", "console://", "dotted.path"):
        assert form in text
    assert "hunter2" not in text


secrets = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x17F), min_size=6, max_size=20
)


@given(
    secret=secrets,
    form=st.sampled_from(
        [
            "{}",
            "{}://h",
            "$smtp://u:{}@h",
            "smtp://u:{}@h:99999",
            "smtp://{}:p@h:x",
            "smtp://u:{}@h/x",
            "smtp://u:{}@",
            "smtp://u:1#{}@h",
            "smtp://u:1?{}@h",
            "smtp://u:1?timeout={}",
            "smtp://h?use_tls={}",
            "smtp://h?port={}",
            "smtp://u:%ff{}@h",
            "smtps://u:{}@h:465",
            "smtp+tls://u:{}@h?use_ssl=1",
            "smtp://u:{}@h?password=x",
            "file://{}/x",
            "console://{}",
            "pigeon://u:{}@h",
            "smtp://u:{}@h\n",
        ]
    ),
)
def test_no_error_ever_holds_the_secret(secret, form):
    marked = f"zq{secret}qz"  # not a word of ours by chance
    variables = {"MAILERS_DEFAULT_URL": form.format(marked), "EMAIL_URL": "dummy://"}
    with pytest.raises((ImproperlyConfigured, TypeError)) as caught:
        read(variables)
    with pytest.raises((ImproperlyConfigured, TypeError)) as alone:
        read({"MAILERS_DEFAULT_URL": form.format(marked) + "\x00"})
    for error in (caught.value, alone.value):
        link: BaseException | None = error
        while link is not None:
            assert marked not in str(link)
            assert marked not in repr(link)
            link = link.__cause__ or link.__context__


@given(
    secrets,
    st.sampled_from(["smtp", "smtp+tls", "smtps", "file", "console", "a.B", "x", ""]),
)
def test_any_value_gives_a_mailer_or_one_error_without_the_value(text, scheme):
    value = f"{scheme}://zq{text}qz"
    try:
        outcome = default_mailer(value)
    except ImproperlyConfigured as error:
        outcome = error
    if isinstance(outcome, dict):
        assert set(outcome) == {"BACKEND", "OPTIONS"}
    else:
        assert f"zq{text}" not in str(outcome)
        assert outcome.__context__ is None
