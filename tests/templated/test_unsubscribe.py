"""Mails that people can leave: the link in the text is the link of the header."""

from __future__ import annotations

import re
from email import message_from_bytes, policy

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from django_mailplus.exceptions import UnsendableMessageError
from django_mailplus.suppression import is_suppressed
from django_mailplus.templated import Mail, TemplatedEmail, render_mail

PAGE = (
    '{% extends "mailplus/layout.html" %}{% block subject %}News{% endblock %}'
    "{% block body %}<p>New teas</p>{% endblock %}{% block footer %}1 Tea Lane{% endblock %}"
)


@pytest.fixture(autouse=True)
def shop(templates, settings):
    settings.MAILPLUS |= {"BULK_STREAMS": {"news": "Our newsletter"}}
    templates("mail/news.html", PAGE)


@pytest.fixture
def arrives(with_mailers, settings, server, db):
    """Sends through the do-not-mail list, and gives what came to the server."""
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": server.host, "port": server.port},
    }
    by = "django_mailplus.backends.suppression.EmailBackend"
    listed = {"BACKEND": by, "OPTIONS": {"using": "smtp"}}
    with_mailers({"default": listed, "smtp": smtp}, MAILPLUS=settings.MAILPLUS)

    def send(message):
        assert message.send() == 1
        return message_from_bytes(server.messages[-1], policy=policy.default)

    return send


def links_in(text):
    return re.findall(r"https://shop\.example\.com/mail/[^\s\"<>]+", text)


def parts(parsed):
    bodies = [parsed.get_body((kind,)).get_content() for kind in ("plain", "html")]
    return [body.replace("\r\n", "\n") for body in bodies]


@pytest.mark.parametrize("make", [TemplatedEmail, render_mail])
@pytest.mark.parametrize("to", ["ann@example.com", "Ann <ann@example.com>"])
def test_the_link_of_the_header_stands_in_both_parts(arrives, make, to):
    parsed = arrives(make("news", to=to, stream="news"))
    header = parsed["List-Unsubscribe"].strip(" <>")
    for part in parts(parsed):
        leave, choose = links_in(part)
        assert leave == header
        assert "/preferences/" in choose
    text, html = parts(parsed)
    assert f'<a href="{header}"' in html
    assert f"Unsubscribe:\n{header}\n" in text
    assert not is_suppressed("ann@example.com", stream="news")
    path = header.removeprefix("https://shop.example.com")
    Client().post(path, {"List-Unsubscribe": "One-Click"})
    assert is_suppressed("ann@example.com", stream="news")


def test_a_class_of_mails_says_its_stream(arrives):
    class News(Mail):
        template = "news"
        stream = "news"

    parsed = arrives(News(to="ann@example.com").message())
    assert links_in(parts(parsed)[0])[0] == parsed["List-Unsubscribe"].strip(" <>")


@pytest.mark.parametrize("stream", [None, "", "receipts"])
def test_other_mail_has_none(arrives, stream):
    parsed = arrives(TemplatedEmail("news", to="ann@example.com", stream=stream))
    assert parsed["List-Unsubscribe"] is None
    assert "nsubscribe" not in "".join(parts(parsed))


@pytest.mark.parametrize(
    "who",
    [
        {"to": ["ann@example.com", "bob@example.com"]},
        {"to": "ann@example.com", "cc": ["bob@example.com"]},
        {"to": "ann@example.com", "bcc": ["bob@example.com"]},
        {},
    ],
)
def test_a_mail_to_several_has_nobodys_link(arrives, who):
    message = TemplatedEmail("news", stream="news", **who)
    assert "nsubscribe" not in message.body + message.alternatives[0][0]
    if who:
        with pytest.raises(UnsendableMessageError, match="Send one message to each"):
            message.send()


def test_the_same_mailbox_twice_is_one_person(arrives):
    to = ["ann@example.com", "Ann <ANN@example.com>"]
    parsed = arrives(TemplatedEmail("news", to=to, stream="news"))
    assert links_in(parts(parsed)[0])[0] == parsed["List-Unsubscribe"].strip(" <>")


def test_a_text_of_its_own_ends_with_it_unless_it_names_it(templates):
    text = "{% block text %}New teas.{% endblock %}"
    templates("mail/own.html", PAGE + text)
    body = render_mail("own", to="ann@example.com", stream="news").body
    leave, choose = links_in(body)
    assert body == (
        f"New teas.\n\nUnsubscribe:\n{leave}\n\nChoose what you want to get:\n{choose}\n"
    )
    templates("mail/named.html", PAGE + text.replace("teas", "{{ unsubscribe_url }}"))
    body = render_mail("named", to="ann@example.com", stream="news").body
    assert body == f"New {leave}.\n"
    assert render_mail("named", to="ann@example.com").body == "New .\n"


def test_the_block_can_be_emptied(templates):
    empty = "{% block unsubscribe %}{% endblock %}"
    templates("mail/own.html", PAGE + empty)
    templates("mail/text.html", PAGE + empty + "{% block text %}Teas{% endblock %}")
    for name in ("own", "text"):
        message = render_mail(name, to="ann@example.com", stream="news")
        assert links_in(message.body + message.alternatives[0][0]) == []


def test_a_project_with_pages_of_its_own_needs_none_of_ours(settings):
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    own = {"unsubscribe_url": "https://a.example/leave", "preferences_url": ""}
    message = TemplatedEmail("news", own, to="ann@example.com", stream="news")
    assert "Unsubscribe:\nhttps://a.example/leave\n" in message.body
    assert "Choose" not in message.body
    with pytest.raises(ImproperlyConfigured, match="no page to unsubscribe on"):
        TemplatedEmail("news", to="ann@example.com", stream="news")


def test_a_template_without_the_layout_has_the_links_too(templates):
    templates(
        "mail/own.html",
        "{% block subject %}S{% endblock %}{% block text %}Hi{% endblock %}"
        "{% block body %}<a href='{{ unsubscribe_url }}'>Leave</a>{% endblock %}",
    )
    message = TemplatedEmail("own", to="ann@example.com", stream="news")
    assert message.body == "Hi\n"
    assert len(links_in(message.alternatives[0][0])) == 1


def test_the_stream_stays_on_the_message():
    TemplatedEmail("news", to="ann@example.com", stream="news").send()
    render_mail("news", to="ann@example.com", stream="news").send()
    render_mail("news", to="ann@example.com").send()
    assert [getattr(m, "stream", None) for m in mail.outbox] == ["news", "news", None]


@pytest.mark.parametrize(
    "changed", [{"to": ["bob@example.com"]}, {"bcc": ["bob@example.com"]}]
)
def test_nobody_gets_the_links_of_somebody_else(changed, templates):
    message = TemplatedEmail("news", to="Ann <ann@example.com>", stream="news")
    vars(message).update(changed)
    with pytest.raises(ValueError, match="Make a mail for each"):
        message.send()
    assert mail.outbox == []
    message.to, message.bcc = ["ANN@example.com"], []
    assert message.send() == 1
    message.to = []
    assert message.send() == 0
    templates("mail/none.html", PAGE + "{% block unsubscribe %}{% endblock %}")
    message = TemplatedEmail("none", to="ann@example.com", stream="news")
    vars(message).update(changed)
    assert message.send() == 1
