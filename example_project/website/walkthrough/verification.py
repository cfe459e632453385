"""Steps of somebody who signs up: link, code, another mail, another address, "this was not me"."""

from __future__ import annotations

import re

from django.urls import reverse

from django_mailplus.viewer import find_links
from website.walkthrough.browser import Page
from website.walkthrough.walk import (
    Arrival,
    Step,
    Walk,
    expect,
    expect_equal,
    expect_words,
)

BY_CODE = "coda@example.com"
STRANGER = "stranger@example.com"
SOMEBODY_ELSE = "somebody-else@example.com"
NEW_ADDRESS = "new-address@example.com"


def text_of(mail: Arrival) -> str:
    part = mail.message.get_body(("plain",))
    expect(part is not None, "the mail has no text")
    return part.get_content().replace("\r\n", "\n") if part is not None else ""


def link_in(mail: Arrival, page: str = "") -> str:
    """The link that leads to a page of the verification."""
    pattern = re.compile(rf"http://\S+/verify/{page}[\w=-]+/[\w-]+/")
    links = [link for link in find_links(text_of(mail)) if pattern.fullmatch(link)]
    expect_equal(f"the number of links to {page or 'confirm'}", len(links), 1)
    return str(links[0])


def code_in(mail: Arrival) -> str:
    found = re.search(r"^(\d{6})$", text_of(mail), re.MULTILINE)
    expect(found is not None, "the mail has no code")
    return found[1] if found is not None else ""


def fill_sign_up(walk: Walk, email: str) -> Page:
    passwords = {"password1": walk.password, "password2": walk.password}
    page = walk.submit(reverse("sign_up"), {"email": email, **passwords})
    expect_words(page, "Check your mail")
    return page


def log_in(walk: Walk, email: str) -> Page:
    fields = {"username": email, "password": walk.password}
    return walk.submit(reverse("login"), fields)


def log_out(walk: Walk) -> None:
    walk.submit(reverse("account"), to=reverse("logout"))


def sign_up(walk: Walk) -> str:
    fill_sign_up(walk, walk.email)
    (mail,) = walk.new_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [walk.email])
    page = log_in(walk, walk.email)
    expect_words(page, f"Logged in as {walk.email}", "not confirmed yet")
    expect_words(walk.get(reverse("members")), "Check your mail")
    page = walk.get(link_in(mail))
    expect_words(page, "Is this your email address?", walk.email)
    expect_words(walk.get(reverse("members")), "Check your mail")
    page = walk.submit(link_in(mail))
    expect_words(page, "This address is confirmed", "Send me a test mail")
    expect_words(walk.get(reverse("members")), f"You read mail at {walk.email}")
    expect_words(walk.get(link_in(mail)), "confirmed already")
    return f"{walk.email} is verified by the button, not by the link alone"


def sign_up_with_a_code(walk: Walk) -> str:
    log_out(walk)
    page = fill_sign_up(walk, BY_CODE)
    (mail,) = walk.new_mails(1)
    wrong = f"{(int(code_in(mail)) + 1) % 1_000_000:06}"
    answer = walk.submit(
        page.url, {"code": wrong}, to=reverse("mailplus:verify_email_code")
    )
    expect_words(answer, "wrong or too old")
    answer = walk.submit(
        page.url, {"code": code_in(mail)}, to=reverse("mailplus:verify_email_code")
    )
    expect_words(answer, f"Logged in as {BY_CODE}", "Send me a test mail")
    return "a wrong code is refused, the right one verifies and logs in"


def taken_address(walk: Walk) -> str:
    log_out(walk)
    fill_sign_up(walk, walk.email.upper())
    (mail,) = walk.new_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [walk.email])
    expect("already" in mail.message["Subject"], "the owner is not told")
    return "the page is that of a new account, its owner gets a mail"


def another_mail(walk: Walk) -> str:
    path = reverse("mailplus:verify_email_resend")
    words = set()
    for address in (walk.email, STRANGER):
        page = walk.submit(path, {"email": address})
        words.add(page.words.replace(address, "ADDRESS"))
    expect_equal("the number of different answers", len(words), 1)
    known, unknown = walk.new_mails(2)
    expect_equal("the first mail", known.rcpt_to, [walk.email])
    expect("No account" in unknown.message["Subject"], "the stranger is not told")
    return "known and unknown addresses get one answer and a mail each"


def change_of_address(walk: Walk) -> str:
    log_in(walk, walk.email)
    fields = {"email": NEW_ADDRESS, "password": walk.password}
    page = walk.submit(reverse("mailplus:email_change"), fields)
    expect_words(page, "Check your mail", "n…@example.com")
    notice, mail = walk.new_mails(2)
    expect_equal("the notice", notice.rcpt_to, [walk.email])
    page = walk.submit(link_in(mail, "change/"))
    expect_words(page, "Your address is changed", NEW_ADDRESS)
    expect_words(walk.get(reverse("members")), f"You read mail at {NEW_ADDRESS}")
    log_out(walk)
    expect_words(log_in(walk, NEW_ADDRESS), f"Logged in as {NEW_ADDRESS}")
    (done,) = walk.new_mails(1)
    expect_equal("the second notice", done.rcpt_to, [walk.email])
    page = walk.submit(link_in(done, "cancel/"))
    expect_words(page, "The old address is back")
    expect_words(walk.get(reverse("members")), f"You read mail at {walk.email}")
    log_out(walk)
    expect_words(log_in(walk, walk.email), f"Logged in as {walk.email}")
    return "the new mailbox confirms it, the old one takes it back, each logs in"


def this_was_not_me(walk: Walk) -> str:
    log_out(walk)
    fill_sign_up(walk, SOMEBODY_ELSE)
    (mail,) = walk.new_mails(1)
    page = walk.submit(link_in(mail, "report/"))
    expect_words(page, "Thank you for telling us")
    expect_equal("the status of its link", walk.browser.get(link_in(mail)).status, 410)
    log_in(walk, walk.email)
    return "the link is dead, no more mail goes there"


VERIFICATION_STEPS: tuple[Step, ...] = (
    sign_up,
    sign_up_with_a_code,
    taken_address,
    another_mail,
    change_of_address,
    this_was_not_me,
)
