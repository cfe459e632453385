"""The backend: caught, or passed on with what became of it."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage, send_mail
from django.db import transaction
from inbox_stage import INBOX, letter, put

from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.inbox.models import CaughtMail, CaughtRecipient
from django_mailplus.viewer import view

pytestmark = pytest.mark.django_db


@pytest.fixture
def onward(server, with_mailers):
    """An inbox that passes on to a server."""
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": server.host, "port": server.port},
    }
    inbox = {"BACKEND": INBOX, "OPTIONS": {"using": "smtp"}}
    with_mailers({"default": inbox, "smtp": smtp})
    return server


def people(mail):
    rows = CaughtRecipient.objects.filter(mail=mail).order_by("pk")
    return list(rows.values_list("kind", "address"))


def test_a_mail_is_caught_and_its_message_says_so():
    message = letter(cc=["carol@example.com"], bcc=["Dave <dave@example.com>"])
    assert get_mailer("default").send_messages([message]) == 1
    result = message.delivery_result
    assert [r.kind for r in result.recipients] == ["accepted"] * 3
    assert result.mailer == "default"
    mail = CaughtMail.objects.get()
    assert (mail.outcome, mail.mailer, mail.source) == ("caught", "default", "backend")
    assert people(mail) == [
        ("to", "bob@example.com"),
        ("cc", "carol@example.com"),
        ("bcc", "dave@example.com"),
    ]
    assert view(mail.content).header("Message-ID") == result.message_id != ""
    assert "dave" not in mail.content.decode()


def test_recipients_of_no_header_are_of_the_envelope():
    class Own(EmailMessage):
        def recipients(self):
            return ["bob@example.com", "list@example.com"]

    message = Own("Hi", "x", "a@b.org", ["Bob@example.com"])
    get_mailer("default").send_messages([message])
    assert people(CaughtMail.objects.get()) == [
        ("to", "bob@example.com"),
        ("envelope", "list@example.com"),
    ]


def test_a_batch_keeps_its_order_and_takes_few_queries(django_assert_max_num_queries):
    with django_assert_max_num_queries(45):  # MySQL inserts them one by one
        count = get_mailer("default").send_messages(letter(f"{n}") for n in range(30))
    assert count == 30
    subjects = CaughtMail.objects.order_by("pk").values_list("subject", flat=True)
    assert list(subjects) == [f"{n}" for n in range(30)]


def test_nobody_to_get_it_is_nothing_to_catch():
    assert get_mailer("default").send_messages([letter(to=[])]) == 0
    assert get_mailer("default").send_messages(iter(())) == 0
    assert not CaughtMail.objects.exists()


def test_the_filler_behind_a_preheader_ends_the_line():
    filler = "&#847;&zwnj;&nbsp;" * 40
    mail = put("News", "x", f"<div>Only today{filler}</div><h1>Our shop</h1>")
    assert mail.first_words == "Only today"
    assert put("News", "x", f"<p>{filler}Hello</p>").first_words == "Hello"


def test_the_list_shows_code_link_and_first_words():
    mail = put(
        "Confirm",
        "Type 482913",
        '<title>x</title><div style="display:none">Only one click&zwnj;&nbsp;&zwnj;</div>'
        '<a class="button" href="https://shop.example.com/verify/abc">Confirm it</a>'
        "<p>Your code: 482913</p>",
        sender="Läden <shop@example.com>",
    )
    assert mail.first_words.startswith("Only one click Confirm it")
    assert (mail.code, mail.link_text) == ("482913", "Confirm it")
    assert mail.link == "https://shop.example.com/verify/abc"
    assert (mail.sender_name, mail.sender) == ("Läden", "shop@example.com")
    assert mail.size == len(mail.content)


def test_a_mail_is_there_with_its_transaction():
    with transaction.atomic():
        put("gone")
        transaction.set_rollback(True)
    with transaction.atomic():
        put("there")
    assert [mail.subject for mail in CaughtMail.objects.all()] == ["there"]


def test_passed_on_with_the_same_message_id_and_the_answer(onward):
    message = letter(bcc=["dave@example.com"])
    assert get_mailer("default").send_messages([message]) == 1
    mail = CaughtMail.objects.get()
    [arrived] = onward.messages
    number = view(mail.content).header("Message-ID")
    assert number in arrived.decode()
    assert message.delivery_result.message_id == number
    assert mail.outcome == "accepted"
    assert [r["kind"] for r in mail.delivery["recipients"]] == ["accepted"] * 2


def test_what_the_server_refuses_is_told_and_raised(onward):
    onward.replies["rcpt"] = "550 5.1.1 no such user"
    with pytest.raises(Exception, match="550"):
        get_mailer("default").send_messages([letter()])
    mail = CaughtMail.objects.get()
    assert mail.outcome == "failed"
    assert mail.delivery["recipients"][0]["enhanced"] == "5.1.1"
    assert mail.delivery["error"]


def test_a_mail_goes_out_though_the_inbox_cannot_keep_it(onward, monkeypatch, caplog):
    from django.db import DatabaseError

    def full(*args, **options):
        raise DatabaseError("disk full of bob@example.com")

    monkeypatch.setattr("django_mailplus.inbox.catching._insert", full)
    assert get_mailer("default").send_messages([letter()]) == 1
    assert len(onward.messages) == 1
    assert "DatabaseError" in caplog.text
    assert "bob" not in caplog.text


def test_mistakes_in_using_are_told(with_mailers):
    with_mailers({"default": {"BACKEND": INBOX, "OPTIONS": {"using": "nowhere"}}})
    with pytest.raises(InvalidMailer, match="'nowhere', which is not configured"):
        get_mailer("default")
    with_mailers({"default": {"BACKEND": INBOX, "OPTIONS": {"keep": 1}}})
    with pytest.raises(InvalidMailer, match="keep"):
        get_mailer("default")


def test_it_says_what_it_is(onward):
    assert repr(get_mailer("default")) == "<default:inbox(smtp)>"


def test_named_in_email_backend_it_catches(with_email_settings):
    with_email_settings(EMAIL_BACKEND=INBOX)
    send_mail("Hi", "x", None, ["bob@example.com"])
    assert CaughtMail.objects.get().mailer in ("", "default")


# --- Origin --------------------------------------------------------------------------


def test_the_origin_is_the_line_that_sent():
    send_mail("Hi", "x", None, ["bob@example.com"])
    origin = CaughtMail.objects.get().origin
    assert __file__ in origin["code"]
    assert "test_the_origin_is_the_line_that_sent" in origin["code"]


def test_the_origin_of_the_password_reset_is_its_view(client):
    get_user_model().objects.create_user("bob", "bob@example.com", "x")
    client.post("/accounts/password_reset/", {"email": "bob@example.com"})
    origin = CaughtMail.objects.get().origin
    assert origin["view"].endswith("PasswordResetView")
    assert origin["request"] == "POST /accounts/password_reset/"
    assert "django/contrib/auth/" in origin["code"]


def test_the_origin_tells_what_a_templated_mail_says_of_itself():
    message = letter()
    message.mailplus_origin = {"template": "mails/welcome.html", "odd": "\0" * 9_000}
    get_mailer("default").send_messages([message])
    origin = CaughtMail.objects.get().origin
    assert origin["template"] == "mails/welcome.html"
    assert len(origin["odd"]) == 500
