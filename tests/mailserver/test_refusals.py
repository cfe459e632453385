"""Rules of --fail."""

from __future__ import annotations

import pytest

from django_mailplus.mailserver.refusals import FailRules, parse_fail_rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("gone@example.com=550", ("gone@example.com", 550)),
        ("*@example.com=451", ("*@example.com", 451)),
        ("*=421", ("*", 421)),
        ("a=b@example.com=599", ("a=b@example.com", 599)),
    ],
)
def test_a_rule_is_an_address_and_a_code(text, rule):
    assert parse_fail_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gone@example.com", "names no reply code"),
        ("", "names no reply code"),
        ("gone@example.com=", "is not a reply code"),
        ("gone@example.com=abc", "is not a reply code"),
        ("gone@example.com=٤٥٠", "is not a reply code"),
        ("gone@example.com=250", "Use a code from 400 to 599"),
        ("gone@example.com=399", "Use a code from 400 to 599"),
        ("gone@example.com=600", "Use a code from 400 to 599"),
        ("gone=550", "is not an address"),
        ("@example.com=550", "is not an address"),
        ("gone@=550", "is not an address"),
        ("=550", "is not an address"),
        ("a b@example.com=550", "is not an address"),
        ("a\x1b[2J@example.com=550", "is not an address"),
    ],
)
def test_a_broken_rule_says_what_is_wrong(text, complaint):
    with pytest.raises(ValueError, match=complaint) as raised:
        parse_fail_rule(text)
    assert "\x1b" not in str(raised.value)


def test_rules_given_as_a_mapping_are_checked_too():
    with pytest.raises(ValueError, match="250 does not refuse"):
        FailRules({"gone@example.com": 250})


def test_an_exact_address_goes_before_its_domain_and_a_domain_before_all():
    rules = FailRules({"*": 421, "*@example.com": 451, "Gone@Example.com": 550})
    codes = [
        rules.reply_to(address)[:3]
        for address in ("gone@example.COM", "other@example.com", "x@example.org")
    ]
    assert codes == ["550", "451", "421"]


def test_an_address_without_a_rule_is_accepted():
    rules = FailRules({"gone@example.com": 550, "*@example.org": 550})
    assert rules.reply_to("here@example.com") is None
    assert rules.reply_to("gone@sub.example.org") is None


@pytest.mark.parametrize(
    ("code", "start"),
    [
        (550, "550 5.1.1 "),
        (452, "452 4.2.2 "),
        (499, "499 4.0.0 "),
        (599, "599 5.0.0 "),
    ],
)
def test_a_refusal_carries_the_enhanced_code_of_its_class(code, start):
    assert FailRules({"*": code}).reply_to("x@example.com").startswith(start)
