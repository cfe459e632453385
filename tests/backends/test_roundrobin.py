"""Mailers in turn: shares, domains that stay where they are, and who is passed over."""

from __future__ import annotations

from collections import Counter

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage

from django_mailplus.backends import breakers
from django_mailplus.compat import InvalidMailer, get_mailer

PATH = "django_mailplus.backends.roundrobin.EmailBackend"
LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


@pytest.fixture(autouse=True)
def forget():
    yield
    breakers.forget_breakers()


@pytest.fixture
def roundrobin(with_mailers):
    def configure(using, **others):
        options = {"using": using, **others.pop("options", {})}
        mailers = dict.fromkeys(using, LOCMEM) | others
        with_mailers({"default": {"BACKEND": PATH, "OPTIONS": options}, **mailers})
        return get_mailer("default")

    return configure


def mails(count, to="bob@example.com"):
    return [EmailMessage(f"{n}", "Body", "a@example.com", [to]) for n in range(count)]


def shares(mailer, messages):
    before = len(django_mail.outbox)
    assert mailer.send_messages(messages) == len(messages)
    return Counter(m.sent_using for m in django_mail.outbox[before:])


def test_each_gets_its_turn(roundrobin):
    mailer = roundrobin(["a", "b", "c"])
    assert shares(mailer, mails(9)) == {"a": 3, "b": 3, "c": 3}


def test_the_turns_go_on_with_the_next_backend(roundrobin):
    """Django builds one for every send."""
    roundrobin(["a", "b"])
    using = [next(iter(shares(get_mailer("default"), mails(1)))) for _ in range(4)]
    assert using in (["a", "b", "a", "b"], ["b", "a", "b", "a"])


def test_weights_are_shares_and_spread(roundrobin):
    mailer = roundrobin({"a": 3, "b": 1})
    assert shares(mailer, mails(8)) == {"a": 6, "b": 2}


def test_one_that_is_down_is_passed_over(roundrobin):
    mailer = roundrobin(["a", "down"], down={"BACKEND": "example_backends.Refusing"})
    assert shares(mailer, mails(6)) == {"a": 6}


def test_a_domain_stays_with_its_mailer(roundrobin):
    mailer = roundrobin(["a", "b", "c"], options={"sticky": "domain"})
    [(home, _)] = shares(mailer, mails(5, "bob@Example.org")).items()
    [(same, _)] = shares(mailer, mails(5, "eve@example.ORG")).items()
    assert home == same


def test_a_domain_is_one_however_it_is_written(roundrobin):
    mailer = roundrobin([*"abcdefgh"], options={"sticky": "domain"})
    spelled = ("bob@bücher.example", "bob@xn--bcher-kva.example", "bob@BÜCHER.example")
    homes = [shares(mailer, mails(1, address)) for address in spelled]
    assert homes[0] == homes[1] == homes[2]


def test_a_mailer_that_goes_takes_no_domain_of_another_with_it(roundrobin):
    domains = [f"d{n}.example" for n in range(60)]

    def homes(using):
        mailer = roundrobin(using, options={"sticky": "domain"})
        return {d: next(iter(shares(mailer, mails(1, f"x@{d}")))) for d in domains}

    with_three, with_two = homes(["a", "b", "c"]), homes(["a", "b"])
    assert set(with_three.values()) == {"a", "b", "c"}
    moved = {d for d in domains if with_three[d] != with_two[d]}
    assert moved == {d for d in domains if with_three[d] == "c"}


@pytest.mark.parametrize(
    ("using", "options", "text"),
    [
        ({"a": 0}, {}, "the weight 0; it takes a whole number from 1 to 100"),
        ({"a": 1.5}, {}, "the weight 1.5"),
        (["a"], {"sticky": "user"}, "'sticky' is 'user'; it takes 'domain' or None"),
    ],
)
def test_what_makes_no_sense_is_refused(roundrobin, using, options, text):
    with pytest.raises(InvalidMailer, match=text):
        roundrobin(using, options=options)
