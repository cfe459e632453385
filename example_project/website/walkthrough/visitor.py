"""Steps of a visitor: looking around, writing to the managers, a test mail, a lost password."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from django_mailplus.viewer import find_links
from website.contact import manager_addresses
from website.recipes.registry import RECIPES
from website.walkthrough.walk import Step, Walk, expect, expect_equal, expect_words

GOOD_MESSAGE = {
    "name": "Vera Visitor",
    "email": "visitor@example.com",
    "subject": "Do you ship to Zürich?",
    "message": "I would like two tins.\nRegards",
}


def home(walk: Walk) -> str:
    page = walk.get("/")
    for slug in RECIPES:
        path = reverse("recipe", args=[slug])
        expect(f'href="{path}"' in page.text, f"no link to {path}")
        walk.get(path)
    expect("<script" not in page.text, "there is a script")
    expect(" style=" not in page.text, "there is an inline style")
    style = walk.get("/static/website/style.css")
    expect("prefers-color-scheme" in style.text, "that is no style sheet of ours")
    return f"{len(RECIPES)} recipes, style sheet, no script"


def contact_form(walk: Walk) -> str:
    page = walk.submit(reverse("contact"), GOOD_MESSAGE)
    expect_words(page, "Thank you, your message is on its way.")
    (mail,) = walk.new_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, manager_addresses())
    expect_equal("Reply-To", mail.message["Reply-To"], GOOD_MESSAGE["email"])
    expect_equal("From", mail.message["From"], settings.SERVER_EMAIL)
    expect_equal(
        "Subject",
        mail.message["Subject"],
        settings.EMAIL_SUBJECT_PREFIX + GOOD_MESSAGE["subject"],
    )
    return f"1 mail to managers, Reply-To {mail.message['Reply-To']}"


def contact_form_with_bad_input(walk: Walk) -> str:
    bad = {
        "a second header in the subject": {"subject": "Hi\r\nBcc: victim@example.com"},
        "a second header in the address": {
            "email": "a@example.com\nBcc: b@example.com"
        },
        "a second header in the name": {"name": "Eve\nBcc: victim@example.com"},
        "two addresses": {"email": "a@example.com, b@example.com"},
        "no address": {"email": "nobody at home"},
        "an over-long subject": {"subject": "x" * 10_000},
        "an over-long message": {"message": "x" * 10_000},
        "a NUL": {"message": "x\0y"},
        "nothing": dict.fromkeys(GOOD_MESSAGE, ""),
    }
    for what, fields in bad.items():
        page = walk.submit(reverse("contact"), GOOD_MESSAGE | fields)
        expect('class="errorlist"' in page.text, f"{what} gave no form error")
        walk.new_mails(0)
    return f"{len(bad)} kinds of bad input, each a form error, nothing sent"


def forged_form(walk: Walk) -> str:
    page = walk.browser.post(reverse("contact"), GOOD_MESSAGE)
    expect_equal("the status of a form without the CSRF token", page.status, 403)
    walk.new_mails(0)
    return "403 without the CSRF token, nothing sent"


def test_mail_without_login(walk: Walk) -> str:
    path = reverse("test_mail")
    page = walk.submit(reverse("login"), {"email": "victim@example.com"}, to=path)
    expect(page.url.endswith(reverse("login")), f"it led to {page.url}")
    expect_equal("the status of GET", walk.browser.get(path).status, 405)
    walk.new_mails(0)
    return "led to the login, nothing sent"


def test_mail(walk: Walk) -> str:
    other = {"recipient": "victim@example.com", "email": "victim@example.com"}
    page = walk.submit(reverse("account"), other, to=reverse("test_mail"))
    (mail,) = walk.new_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [walk.email])
    expect_words(page, "Accepted", walk.email, "250", mail.message["Message-ID"])
    return f"1 mail to {walk.email}, the answer is on the page"


def log_out_and_in(walk: Walk) -> str:
    page = walk.submit(reverse("account"), to=reverse("logout"))
    expect_words(page, "Log in")
    page = walk.submit(reverse("login"), {"username": walk.email, "password": "wrong"})
    expect("errorlist" in page.text, "a wrong password gave no form error")
    right = {"username": walk.email.upper(), "password": walk.password}
    page = walk.submit(reverse("login"), right)
    expect_words(page, f"Logged in as {walk.email}")
    return "a wrong password is refused, the right one accepted"


def password_reset(walk: Walk) -> str:
    walk.submit(reverse("account"), to=reverse("logout"))
    walk.submit(reverse("password_reset"), {"email": "stranger@example.com"})
    walk.new_mails(0)
    walk.submit(reverse("password_reset"), {"email": walk.email})
    (mail,) = walk.new_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [walk.email])
    links = find_links(mail.message.get_body(("plain",)).get_content())
    expect_equal("the number of links", len(links), 1)
    walk.password = "two kettles, 7 ferns"  # noqa: S105 (of the same user)
    passwords = {"new_password1": walk.password, "new_password2": walk.password}
    page = walk.submit(links[0], passwords)
    expect_words(page, f"Logged in as {walk.email}")
    page = walk.get(links[0])
    expect_words(page, "This link does not work")
    return "nothing to a stranger; the link set a new password, once"


def mail_server_stopped(walk: Walk) -> str:
    walk.mail_server.stop()
    page = walk.submit(reverse("contact"), GOOD_MESSAGE)
    expect_words(page, "Your message could not be sent.")
    expect(GOOD_MESSAGE["subject"] in page.text, "the visitor's words are lost")
    page = walk.submit(reverse("account"), to=reverse("test_mail"))
    expect_words(page, "Not sent", "Is it running?")
    walk.submit(reverse("password_reset"), {"email": walk.email})
    walk.new_mails(0)
    return "contact form, test mail and password reset answer without an error page"


BEFORE_LOGIN: tuple[Step, ...] = (
    home,
    contact_form,
    contact_form_with_bad_input,
    forged_form,
    test_mail_without_login,
)
WITH_ACCOUNT: tuple[Step, ...] = (test_mail, log_out_and_in, password_reset)
THE_END: tuple[Step, ...] = (mail_server_stopped,)
