"""The graph of mailers is read from MAILERS alone."""

from __future__ import annotations

import pytest

from django_mailplus.chain import (
    aliases_used,
    describe,
    find_cycle,
    kind_of,
    leaves,
    refuse_cycle,
)
from django_mailplus.compat import InvalidMailer

SMTP = {
    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
    "OPTIONS": {"host": "a"},
}


def wrapper(using, path="example_backends.Stamp"):
    return {"BACKEND": path, "OPTIONS": {"using": using}}


@pytest.mark.parametrize(
    ("using", "aliases"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        (("a",), ("a",)),
        ({"a": 3, "b": 1}, ("a", "b")),
        (None, ()),
        (7, ()),
        (["a", 7], ("a", "7")),
    ],
)
def test_using_takes_an_alias_a_list_or_weights(with_mailers, using, aliases):
    with_mailers({"default": wrapper(using)})
    assert aliases_used("default") == aliases


def test_the_chain_of_a_diamond(with_mailers):
    with_mailers(
        {
            "default": wrapper(["a", "b"], "example_backends.BySubject"),
            "a": wrapper("smtp"),
            "b": wrapper("smtp"),
            "smtp": SMTP,
        }
    )
    assert find_cycle("default") is None
    assert list(leaves("default")) == ["smtp"]
    assert describe("default") == "default:BySubject(a:Stamp(smtp), b:Stamp(smtp))"


def test_a_circle_shows_its_path_from_where_it_closes(with_mailers):
    with_mailers({"default": wrapper("a"), "a": wrapper("b"), "b": wrapper("a")})
    assert find_cycle("default") == ("a", "b", "a")
    assert list(leaves("default")) == []
    assert describe("default") == "default:Stamp(a:Stamp(b:Stamp(a:Stamp(...))))"
    with pytest.raises(InvalidMailer, match="circle: a -> b -> a"):
        refuse_cycle("default")


def test_an_unknown_alias_and_an_unknown_backend_are_shown_as_such(with_mailers):
    with_mailers({"default": wrapper("sess"), "x": {"BACKEND": "no.such.Backend"}})
    assert describe("default") == "default:Stamp(sess?)"
    assert describe("x") == "x:Backend"
    assert kind_of("x") == "leaf"


def test_a_foreign_backend_with_using_is_a_wrapper(with_mailers):
    with_mailers(
        {"default": wrapper("smtp", "example_backends.PopsItsOptions"), "smtp": SMTP}
    )
    assert kind_of("default") == "wrapper"
    assert kind_of("smtp") == "leaf"


def test_broken_entries_do_not_break_the_walk(with_mailers):
    with_mailers({"default": {"BACKEND": "x.Y", "OPTIONS": "host"}, "b": None})
    assert aliases_used("default") == ()
    assert aliases_used("b") == ()


def test_without_mailers_the_default_is_email_backend(with_email_settings):
    with_email_settings(EMAIL_BACKEND="example_backends.Stamp")
    assert describe("default") == "default:Stamp(smtp)"


def test_a_ladder_of_diamonds_is_walked_once(with_mailers):
    rungs = {
        f"r{i}": wrapper([f"r{i + 1}", f"l{i + 1}"], "example_backends.BySubject")
        for i in range(60)
    }
    rungs |= {f"l{i}": wrapper(f"r{i}") for i in range(1, 61)}
    with_mailers({**rungs, "r60": SMTP})
    assert find_cycle("r0") is None
    assert list(leaves("r0")) == ["r60"]
    assert len(describe("r0")) < 10_000
