"""django_mailplus.mail is django.core.mail as of 6.1, on every Django."""

from __future__ import annotations

import pytest
from django.core import mail as django_mail
from django.test import override_settings

from django_mailplus import compat, mail

LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
PEOPLE = [
    "ann@example.com" if compat.PEOPLE_ARE_ADDRESSES else ("Ann", "ann@example.com")
]


@pytest.fixture(autouse=True)
def two_mailers(with_mailers):
    with_mailers({"default": LOCMEM, "news": LOCMEM})


def newest():
    return django_mail.outbox[-1]


@pytest.mark.skipif(not compat.NATIVE, reason="Django 5.2 and 6.0 get the backport")
@pytest.mark.parametrize("name", mail.__all__)
def test_on_django_6_1_the_names_are_djangos_own(name):
    assert getattr(mail, name) is getattr(django_mail, name)


@pytest.mark.parametrize(("using", "sent_using"), [(None, "default"), ("news", "news")])
def test_every_function_sends_through_the_mailer_it_is_told(using, sent_using):
    with override_settings(ADMINS=PEOPLE, MANAGERS=PEOPLE):
        mail.send_mail(
            "a", "b", None, ["x@example.com"], html_message="<p>b</p>", using=using
        )
        assert newest().alternatives[0][1] == "text/html"
        mail.send_mass_mail([("a", "b", None, ["x@example.com"])] * 2, using=using)
        mail.mail_admins("a", "b", html_message="<p>b</p>", using=using)
        mail.mail_managers("a", "b", using=using)
    assert [m.sent_using for m in django_mail.outbox] == [sent_using] * 5
    assert newest().to == ["ann@example.com"]


@pytest.mark.parametrize(
    "message_class", [mail.EmailMessage, mail.EmailMultiAlternatives]
)
@pytest.mark.parametrize(("using", "sent_using"), [(None, "default"), ("news", "news")])
def test_messages_send_through_the_mailer_they_are_told(
    message_class, using, sent_using
):
    message = message_class(
        "a", "b", None, ["x@example.com"], cc=["c@example.com"], headers={"X-A": "1"}
    )
    assert message.send(using=using) == 1
    assert newest().sent_using == sent_using
    assert newest().cc == ["c@example.com"]


def test_a_message_with_alternatives_is_djangos_and_ours():
    message = mail.EmailMultiAlternatives("a", "b", None, ["x@example.com"])
    message.attach_alternative("<p>b</p>", "text/html")
    assert isinstance(message, mail.EmailMessage)
    assert isinstance(message, django_mail.EmailMultiAlternatives)
    assert message.send() == 1


def test_a_message_without_recipients_is_not_sent():
    assert mail.EmailMessage("a", "b").send(using="news") == 0
    assert django_mail.outbox == []


@pytest.mark.parametrize(
    "argument",
    [
        {"connection": object()},
        {"fail_silently": True},
        {"auth_user": "u"},
        {"auth_password": "p"},
    ],
    ids=lambda argument: next(iter(argument)),
)
@pytest.mark.filterwarnings("ignore:The '.*argument:PendingDeprecationWarning")
@pytest.mark.filterwarnings("ignore:The 'auth_user':PendingDeprecationWarning")
def test_using_excludes_what_it_replaces(argument):
    name = next(iter(argument))
    with pytest.raises(TypeError, match=f"'{name}'.* not compatible with 'using'"):
        mail.send_mail("a", "b", None, ["x@example.com"], using="news", **argument)
    assert django_mail.outbox == []


def test_an_unknown_mailer_is_named():
    with pytest.raises(mail.MailerDoesNotExist, match="'nwes' is not configured"):
        mail.send_mail("a", "b", None, ["x@example.com"], using="nwes")


def test_options_of_the_functions_are_keywords():
    if compat.NATIVE:
        pytest.skip("Django 6.1 still takes them by position, with a warning")
    with pytest.raises(TypeError, match="positional"):
        mail.send_mail("a", "b", None, ["x@example.com"], False)


@pytest.mark.skipif(compat.NATIVE, reason="deprecated on Django 6.1")
def test_arguments_from_before_mailers_still_work():
    connection = mail.mailers["news"]
    mail.send_mail("a", "b", None, ["x@example.com"], connection=connection)
    assert newest().sent_using == "news"
    mail.send_mail("a", "b", None, ["x@example.com"], fail_silently=True, auth_user="u")
    assert len(django_mail.outbox) == 2


def test_without_mailers_the_functions_use_email_backend(with_email_settings):
    with_email_settings(EMAIL_BACKEND=LOCMEM["BACKEND"])
    mail.send_mail("a", "b", None, ["x@example.com"])
    mail.EmailMessage("a", "b", None, ["x@example.com"]).send()
    assert len(django_mail.outbox) == 2


@pytest.mark.parametrize("send", [mail.mail_admins, mail.mail_managers])
def test_nobody_to_tell_looks_up_no_mailer(settings, send):
    settings.ADMINS = settings.MANAGERS = []
    assert send("a", "b", using="no such mailer") is None
