"""The mailbox of a test: what is found, and what a failure says."""

from __future__ import annotations

import re
import textwrap

import pytest
from django.contrib.auth import get_user_model
from django.core import mail as django_mail
from django.core.mail import EmailMessage

from django_mailplus.testing import (
    Mailbox,
    assert_mail_sent,
    assert_no_mail_sent,
)
from django_mailplus.verification import send_verification_email


def arrive(subject="Welcome", to="ann@example.com", body="Body", **options):
    message = EmailMessage(subject, body, "Shop <shop@example.com>", [to], **options)
    message.send()
    return message


def said(error):
    return str(error.value)


def golden(text):
    return textwrap.dedent(text).strip()


def test_it_is_looked_up_at_each_call(mailbox):
    """Django makes a new list for each test, and a test may clear it."""
    assert len(mailbox) == 0
    arrive("one")
    assert [mail.subject for mail in mailbox] == ["one"]
    django_mail.outbox = []
    assert not mailbox
    arrive("two")
    assert mailbox.latest().subject == "two"


def test_what_an_earlier_test_sent_is_gone_before_any_fixture(mailbox):
    assert not mailbox


@pytest.fixture
def sent_by_a_fixture():
    arrive("of the fixture")


def test_what_a_fixture_sent_before_is_there(sent_by_a_fixture, mailbox):
    assert mailbox.one().subject == "of the fixture"


@pytest.mark.parametrize(
    ("criteria", "subjects"),
    [
        ({}, ["Welcome", "Your order 7"]),
        ({"to": "ANN@Example.com"}, ["Welcome"]),
        ({"to": "Ann <ann@example.com>"}, ["Welcome"]),
        ({"to": "eve@bücher.example"}, ["Your order 7"]),
        ({"to": "carol@example.com"}, ["Your order 7"]),
        ({"from_": "shop@example.com", "subject": "order"}, ["Your order 7"]),
        ({"subject": re.compile(r"\d$")}, ["Your order 7"]),
        ({"subject": "ORDER"}, []),
        ({"text": "tea"}, ["Your order 7"]),
        ({"text": re.compile("^Body$")}, ["Welcome"]),
        ({"template": "order"}, ["Your order 7"]),
        ({"using": "default"}, ["Welcome", "Your order 7"]),
        ({"to": "ann@example.com", "subject": "order"}, []),
    ],
)
def test_mails_are_found_by_what_they_fulfil(mailbox, criteria, subjects):
    arrive()
    order = EmailMessage(
        "Your order 7",
        "Two boxes of tea",
        "shop@example.com",
        ["bob@example.com"],
        cc=["Eve <eve@xn--bcher-kva.example>"],
        bcc=["carol@example.com"],
    )
    order.mailplus_origin = {"template": "order"}
    order.send()
    django_mail.outbox[0].sent_using = django_mail.outbox[1].sent_using = "default"
    assert [mail.subject for mail in mailbox.all(**criteria)] == subjects


def test_a_criterion_that_is_none_is_an_error_even_when_nothing_arrived(mailbox):
    with pytest.raises(
        TypeError, match=r"by recipient, sujet .there are: to, from_, s"
    ):
        mailbox.none(sujet="x", recipient="y")


@pytest.mark.parametrize(
    ("criteria", "error", "problem"),
    [
        ({"to": ["ann@example.com"]}, TypeError, "it has to be a text"),
        ({"to": None}, TypeError, "to=None: it has to be a text"),
        ({"to": re.compile("ann")}, TypeError, "it has to be a text"),
        ({"template": 3}, TypeError, "template=3: it has to be a text"),
        ({"subject": 5}, TypeError, "a text or a compiled regular expression"),
        ({"to": "ann"}, ValueError, "to='ann': it has to be one email address"),
        ({"to": ""}, ValueError, "to='': it has to be one email address"),
        ({"from_": "a@b.example, c@d.example"}, ValueError, "one email address"),
    ],
)
def test_a_criterion_that_no_mail_can_fulfil_is_an_error(
    mailbox, criteria, error, problem
):
    arrive()
    for look in (mailbox.none, mailbox.one, assert_no_mail_sent, assert_mail_sent):
        with pytest.raises(error, match=problem):
            look(**criteria)


def test_a_count_is_a_number(mailbox):
    arrive()
    with pytest.raises(TypeError, match="count='1': it has to be a number"):
        assert_mail_sent(count="1")


def test_a_bcc_counts_as_mailed(mailbox):
    arrive(bcc=["real@customer.example"])
    with pytest.raises(AssertionError, match=r"1 mail with to='real@customer.example'"):
        mailbox.none(to="real@customer.example")


def test_a_failure_shows_what_arrived_and_the_nearest(mailbox):
    arrive("Welcome to the shop", "bob@example.com")
    arrive("Your order", "ann@example.com")
    django_mail.outbox[0].sent_using = django_mail.outbox[1].sent_using = "default"
    with pytest.raises(AssertionError) as error:
        mailbox.latest(to="ann@example.com", subject=re.compile("Welcome|Hello"))
    assert said(error) == golden("""
        No mail with to='ann@example.com', subject=/Welcome|Hello/ arrived. What arrived (2):
          1. to bob@example.com  "Welcome to the shop"  from shop@example.com  using default
          2. to ann@example.com  "Your order"  from shop@example.com  using default
        Nearest is 2, but for: subject.
    """)


def test_a_failure_says_that_nothing_arrived(mailbox):
    with pytest.raises(AssertionError) as error:
        mailbox.one(to="ann@example.com")
    assert (
        said(error)
        == "No mail with to='ann@example.com' arrived. What arrived: nothing."
    )


def test_one_of_two_is_none(mailbox):
    arrive("a")
    arrive("b")
    with pytest.raises(AssertionError, match=r"2 mails arrived, not one. .*\(2\):\n"):
        mailbox.one()


def test_a_long_list_is_cut(mailbox):
    for number in range(30):
        arrive(f"mail {number} " + "x" * 80)
    with pytest.raises(AssertionError) as error:
        mailbox.latest(subject="y")
    lines = said(error).splitlines()
    assert lines[-1] == "  and 10 more"
    assert max(map(len, lines)) < 160


def test_capture_is_a_mailbox_of_what_arrives_meanwhile(mailbox):
    arrive("before")
    with mailbox.capture() as sent:
        assert not sent
        arrive("meanwhile")
        assert sent.one().subject == "meanwhile"
    assert len(mailbox) == 2
    mailbox.clear()
    assert len(mailbox) == len(sent) == 0


def test_the_assertions_say_the_same(mailbox):
    assert_no_mail_sent()
    arrive()
    arrive()
    assert [mail.subject for mail in assert_mail_sent(subject="Wel")] == ["Welcome"] * 2
    assert assert_mail_sent(count=2, to="ann@example.com")
    assert_mail_sent(count=0, to="bob@example.com")
    with pytest.raises(AssertionError, match="2 mails arrived, not 3"):
        assert_mail_sent(count=3)
    arrive("x")
    with pytest.raises(AssertionError, match="1 mail with subject='x' arrived, not 2"):
        assert_mail_sent(count=2, subject="x")
    with pytest.raises(AssertionError, match="No mail with to='bob"):
        assert_mail_sent(to="bob@example.com")
    with pytest.raises(AssertionError, match="3 mails arrived, and none was to"):
        assert_no_mail_sent()
    assert_no_mail_sent(to="bob@example.com")


def test_without_the_test_environment_a_failure_says_so(monkeypatch):
    monkeypatch.delattr(django_mail, "outbox")
    with pytest.raises(AssertionError, match="test environment is not set up"):
        Mailbox().latest()


@pytest.mark.django_db
def test_templated_mail_is_found_by_its_template(mailbox, settings):
    settings.MAILPLUS = {"BASE_URL": "https://shop.example.com"}
    user = get_user_model().objects.create_user("ann", "ann@example.com")
    send_verification_email(user)
    sent = mailbox.one()
    assert sent.language == "en-us"
    assert mailbox.one(template=sent.template) is sent
    assert "verification" in sent.template
