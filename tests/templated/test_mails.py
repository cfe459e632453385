"""Classes of mails: what they take, and what is said of those that cannot be sent."""

from __future__ import annotations

import pytest
from django.core import mail

from django_mailplus.exceptions import MailTemplateError
from django_mailplus.templated import Mail


class Welcome(Mail):
    template = "welcome"
    plan = "Free"

    name: str


@pytest.fixture(autouse=True)
def welcome(templates):
    templates(
        "mail/welcome.html",
        "{% block subject %}Hi {{ name }}{% endblock %}{% block body %}Hi{% endblock %}",
    )


def test_nobody_to_go_to_is_said():
    with pytest.raises(
        ValueError, match=r"^Welcome has nobody to go to.*Welcome\(to=…\)"
    ):
        Welcome(name="Ann").send()


def test_copies_alone_are_recipients_and_an_empty_list_is_meant():
    class Copied(Welcome):
        def prepare(self, message):
            message.bcc = ["team@example.com"]

    Copied(name="Ann").send()
    assert [each.recipients() for each in mail.outbox] == [["team@example.com"]]
    assert Welcome(name="Ann", to=[]).send() == 0


def test_an_argument_that_is_no_field_is_said_with_those_that_are():
    with pytest.raises(TypeError) as raised:
        Welcome(to="ann@example.com", nam="Ann")
    assert str(raised.value) == "Welcome has no field 'nam'. There are: to, name."


def test_a_field_without_annotation_is_said():
    with pytest.raises(
        TypeError, match=r"There are: to, name\. A field has an annotation: write plan:"
    ):
        Welcome(to="ann@example.com", name="Ann", plan="Pro")


def test_a_class_may_take_its_own_arguments():
    class Own(Mail):
        template = "welcome"

        def __init__(self, plan, **others):
            self.to = None

    class Named(Own):
        def __init__(self, plan):
            self.to = plan

    assert Own(plan="Pro", more=1).message().subject == "Hi"
    assert Named(plan="ann@example.com").send() == 1


def test_a_class_without_template_says_what_to_write():
    class Bare(Mail):
        pass

    with pytest.raises(
        MailTemplateError, match=r'Bare names no template.*template = "welcome"'
    ):
        Bare(to="ann@example.com").send()
