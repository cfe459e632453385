"""Which mailer takes a message: by the domain of a recipient, by stream, by a function."""

from __future__ import annotations

import pytest
from backends.stage import smtp
from django.core import mail as django_mail
from django.core.checks import run_checks
from django.core.mail import EmailMessage

from django_mailplus.backends.breakers import Patience, breaker_of
from django_mailplus.compat import InvalidMailer, get_mailer

PATH = "django_mailplus.backends.route.EmailBackend"
HERE = __name__
LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}

pytestmark = pytest.mark.usefixtures("forget_mailers")


@pytest.fixture
def route(with_mailers):
    def configure(using=("a", "b", "c"), mailers=(), **options):
        options = {"using": list(using), **options}
        others = dict.fromkeys(using, LOCMEM) | dict(mailers)
        with_mailers({"default": {"BACKEND": PATH, "OPTIONS": options}, **others})
        return get_mailer("default")

    return configure


def message(*to, stream=""):
    message = EmailMessage("Hi", "Body", "ann@example.com", list(to))
    if stream:
        message.stream = stream
    return message


def taken_by(mailer, message):
    before = len(django_mail.outbox)
    assert mailer.send_messages([message]) == 1
    return {m.sent_using: m.to + m.cc + m.bcc for m in django_mail.outbox[before:]}


@pytest.mark.parametrize(
    ("address", "alias"),
    [
        ("bob@example.org", "b"),
        ("Bob <bob@EXAMPLE.org>", "b"),
        ("bob@example.org.", "b"),
        ("bob@mail.example.org", "c"),
        ("bob@a.b.example.org", "c"),
        ("bob@special.example.org", "b"),
        ("bob@a.special.example.org", "c"),
        ("bob@notexample.org", "a"),
        ("bob@org", "a"),
        ("bob@bücher.example", "c"),
        ("bob@xn--bcher-kva.example", "c"),
        ("bob@Bücher.example", "c"),
    ],
)
def test_the_domain_is_compared_as_it_is_sent(route, address, alias):
    mailer = route(
        routes={
            "Example.org": "b",
            "*.example.org": "c",
            "special.example.org": "b",
            "bücher.example": "c",
        }
    )
    assert taken_by(mailer, message(address)) == {alias: [address]}


def test_of_several_stars_the_longest_counts(route):
    mailer = route(routes={"*.example": "b", "*.mail.example": "c"})
    assert set(taken_by(mailer, message("x@a.mail.example"))) == {"c"}
    assert set(taken_by(mailer, message("x@mail.example"))) == {"b"}


def test_the_rest_goes_to_the_first_one_unless_said_otherwise(route):
    rules = {"example.org": "b"}
    assert set(taken_by(route(routes=rules), message("x@y.example"))) == {"a"}
    mailer = route(routes=rules, otherwise="c")
    assert set(taken_by(mailer, message("x@y.example"))) == {"c"}


def test_by_stream(route):
    mailer = route(by="stream", routes={"newsletter": "b"}, otherwise=["c"])
    news = message("x@example.com", "y@example.org", stream="newsletter")
    assert taken_by(mailer, news) == {"b": ["x@example.com", "y@example.org"]}
    assert set(taken_by(mailer, message("x@example.com", stream="other"))) == {"c"}
    assert set(taken_by(mailer, message("x@example.com"))) == {"c"}


def by_subject(message):
    return {"b": "b", "both": ["c", "b"]}.get(message.subject)


@pytest.mark.parametrize("by", [by_subject, f"{HERE}.by_subject"], ids=["it", "path"])
@pytest.mark.parametrize(
    ("subject", "alias"), [("b", "b"), ("both", "c"), ("other", "a")]
)
def test_by_a_function(route, by, subject, alias):
    sent = message("x@example.com")
    sent.subject = subject
    assert set(taken_by(route(by=by), sent)) == {alias}


def test_a_function_that_names_a_stranger_is_told(route):
    mailer = route(by=lambda message: "stranger")
    with pytest.raises(InvalidMailer, match="chose the mailer 'stranger', which is"):
        mailer.send_messages([message("x@example.com")])


def test_of_a_list_the_next_one_sends_while_one_is_down(route, servers):
    mailer = route(
        using=["a", "one", "two"],
        routes={"example.org": ["one", "two"]},
        mailers={"one": smtp(servers[0]), "two": smtp(servers[1])},
    )
    servers[0].plan(banner="421 4.3.2 not now")
    assert mailer.send_messages([message("x@example.org") for _ in range(3)]) == 3
    assert len(servers[1].taken) == 3
    assert breaker_of("default", "one", Patience()).health == "open"


RULES = {"example.org": "b"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "OPTIONS must define 'routes': a dict of domain to alias"),
        ({"by": "stream", "routes": {}}, "'routes': a dict of stream to alias"),
        ({"routes": ["a"]}, "OPTIONS must define 'routes'"),
        ({"routes": {"example.org": "d"}}, r"names 'd', which is not in 'using' \('a'"),
        ({"routes": {"example.org": ["a", "d"]}}, "for 'example.org' names 'd'"),
        ({"routes": {"example.org": []}}, "'routes' for 'example.org' names no mailer"),
        ({"routes": RULES, "otherwise": "d"}, "'otherwise' names 'd', which is not in"),
        ({"routes": RULES, "otherwise": ()}, "'otherwise' names no mailer; it takes"),
        ({"routes": {"bob@example.org": "b"}}, "the key 'bob@example.org'; it takes"),
        ({"routes": {"*": "b"}}, r"the key '\*'; it takes domains such as"),
        ({"routes": {"": "b"}}, "the key ''; it takes the name of a domain"),
        ({"by": "stream", "routes": {1: "b"}}, "the key 1; it takes the name of a str"),
        ({"routes": {"A.b": "a", "a.B": "b"}}, "'A.b' and 'a.B', which are the same"),
        ({"by": "domian", "routes": RULES}, r"'by' is 'domian' \(ImportError\); it"),
        ({"by": f"{HERE}.nothing"}, "'by' is .*nothing' .ImportError.; it takes"),
        ({"by": f"{HERE}.HERE"}, "'by' is a str; it takes 'domain', 'stream', or"),
        ({"by": 3}, "'by' is a int; it takes"),
        ({"by": by_subject, "routes": RULES}, "'routes' are of no use where 'by' is a"),
    ],
)
def test_mistakes_are_told_at_once_and_by_the_checks(route, options, text):
    with pytest.raises(InvalidMailer, match=rf"MAILERS\['default'\]: .*{text}"):
        route(**options)
    found = [f.msg for f in run_checks(tags=["mail"]) if f.id == "mailplus.E005"]
    [told] = found
    assert told.startswith("MAILERS['default']: ")
    with pytest.raises(InvalidMailer, match=text):
        raise InvalidMailer(told)


def test_what_is_right_finds_nothing(route):
    route(by="stream", routes={"news": ["b", "c"]}, otherwise=["a", "b"])
    assert not [f for f in run_checks(tags=["mail"]) if f.id.startswith("mailplus.")]
