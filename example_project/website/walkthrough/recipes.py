"""Steps through the recipes, each with a look at what the mail server really received."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import reverse

from website.contact import admin_addresses, manager_addresses
from website.forms import SAMPLE_RECIPIENT
from website.recipes.attach_file import PRICE_LIST
from website.walkthrough.browser import Page
from website.walkthrough.walk import Step, Walk, expect, expect_equal, expect_words


def send(walk: Walk, slug: str, recipient: str = SAMPLE_RECIPIENT) -> Page:
    return walk.submit(reverse("recipe", args=[slug]), {"recipient": recipient})


def plain_text(walk: Walk) -> str:
    page = send(walk, "plain-text", walk.email)
    (mail,) = walk.new_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [walk.email])
    expect_equal("From", mail.message["From"], settings.DEFAULT_FROM_EMAIL)
    expect_equal("the type", mail.message.get_content_type(), "text/plain")
    expect_words(page, "Accepted", "250", mail.message["Message-ID"])
    return f"1 mail to {walk.email}, reply and Message-ID on the page"


def any_other_recipient(walk: Walk) -> str:
    page = send(walk, "plain-text", "victim@example.com")
    expect("errorlist" in page.text, "an address of the visitor's choice was taken")
    walk.new_mails(0)
    return "an address of the visitor's choice is refused, nothing sent"


def copies_and_headers(walk: Walk) -> str:
    page = send(walk, "headers")
    (mail,) = walk.new_mails(1)
    expect_equal(
        "the envelope's recipients",
        sorted(mail.rcpt_to),
        ["archive@example.com", SAMPLE_RECIPIENT, "gift-for@example.com"],
    )
    message = mail.message
    expect_equal("Cc", message["Cc"], "gift-for@example.com")
    expect("Bcc" not in message, "the message has a Bcc header")
    expect(
        "archive@example.com" not in message.as_string(),
        "the message names the Bcc recipient",
    )
    expect_equal("Reply-To", message["Reply-To"], "Orders <orders@example.com>")
    expect_equal("Auto-Submitted", message["Auto-Submitted"], "auto-generated")
    expect_words(page, "archive@example.com", "gift-for@example.com")
    return "3 recipients, Cc and Reply-To in the headers, Bcc in none"


def from_template(walk: Walk) -> str:
    send(walk, "from-template")
    (mail,) = walk.new_mails(1)
    expect_equal("the type", mail.message.get_content_type(), "multipart/alternative")
    text, html = mail.message.iter_parts()
    expect_equal("the first part", text.get_content_type(), "text/plain")
    expect_equal("the second part", html.get_content_type(), "text/html")
    expect(
        "Lapsang & smoke" in text.get_content(), "the text part is escaped like HTML"
    )
    expect("Lapsang &amp; smoke" in html.get_content(), "the HTML part is not escaped")
    return "text/plain, then text/html"


def attachment(walk: Walk) -> str:
    send(walk, "attachment")
    (mail,) = walk.new_mails(1)
    (part,) = mail.message.iter_attachments()
    expect_equal("the name", part.get_filename(), "orders.csv")
    expect_equal("the type", part.get_content_type(), "text/csv")
    expect(part.get_content().startswith("tea,grams,price"), "the table is not in it")
    return "orders.csv as text/csv"


def file_from_disk(walk: Walk) -> str:
    send(walk, "attach-file")
    (mail,) = walk.new_mails(1)
    (part,) = mail.message.iter_attachments()
    expect_equal("the name", part.get_filename(), PRICE_LIST.name)
    expect_equal("the type", part.get_content_type(), "application/pdf")
    expect(part.get_content() == PRICE_LIST.read_bytes(), "the file arrived changed")
    return f"{PRICE_LIST.name}, {PRICE_LIST.stat().st_size} bytes, unchanged"


def inline_image(walk: Walk) -> str:
    send(walk, "inline-image")
    (mail,) = walk.new_mails(1)
    html = mail.message.get_body(("html",))
    related = mail.message.get_body(("related",))
    expect(html is not None and related is not None, "no HTML part with its image")
    (image,) = related.iter_attachments()
    expect_equal("the disposition", image.get_content_disposition(), "inline")
    leaf = Path(finders.find("website/leaf.png"))
    expect(image.get_content() == leaf.read_bytes(), "the image arrived changed")
    content_id = image["Content-ID"].strip("<>")
    expect(f"cid:{content_id}" in html.get_content(), "the HTML names no image")
    return f"{leaf.name} next to the HTML, which names it"


def mass_mail(walk: Walk) -> str:
    send(walk, "mass-mail")
    mails = walk.new_mails(3)
    for mail in mails:
        expect_equal("the envelope of one mail", mail.rcpt_to, [mail.message["To"]])
    expect_equal("the connections", len({mail.peer for mail in mails}), 1)
    send(walk, "mass-mail")
    again = walk.new_mails(3)
    expect_equal("the connection", again[0].peer, mails[0].peer)
    return f"{len(mails)} mails, one reader each, twice over one connection"


def newsletter(walk: Walk) -> str:
    send(walk, "newsletter", walk.email)
    (mail,) = walk.new_mails(1)
    link = mail.message["List-Unsubscribe"].strip().strip("<>")
    path = urlsplit(link).path
    expect(link in mail.message.get_content(), "the link is not in the text")
    expect_words(walk.get(path), "Unsubscribe from “The harvest letter”?", walk.email)
    send(walk, "newsletter", walk.email)
    walk.new_mails(1)  # to look is not to leave
    walk.browser.post(path, {"List-Unsubscribe": "One-Click"})
    page = send(walk, "newsletter", walk.email)
    walk.new_mails(0)
    expect_words(page, "do-not-mail list")
    send(walk, "plain-text", walk.email)
    walk.new_mails(1)
    expect_words(walk.submit(path), "You are unsubscribed")
    expect_words(walk.submit(path, {"undo": "1"}), "You are subscribed again")
    send(walk, "newsletter", walk.email)
    walk.new_mails(1)
    return "one click ends it, other mail still comes, and it can be undone"


def mail_to_managers_and_admins(walk: Walk) -> str:
    send(walk, "managers")
    to_managers, to_admins = walk.new_mails(2)
    expect_equal(
        "the recipients of the first", to_managers.rcpt_to, manager_addresses()
    )
    expect_equal("the recipients of the second", to_admins.rcpt_to, admin_addresses())
    for mail in (to_managers, to_admins):
        expect_equal("From", mail.message["From"], settings.SERVER_EMAIL)
        subject = mail.message["Subject"]
        expect(
            subject.startswith(settings.EMAIL_SUBJECT_PREFIX.rstrip()),
            f"Subject is {subject!r}",
        )
    return f"1 mail to {', '.join(to_managers.rcpt_to)}, 1 to {', '.join(to_admins.rcpt_to)}"


def choosing_a_mailer(walk: Walk) -> str:
    page = send(walk, "choosing-mailer")
    walk.new_mails(2)
    expect_words(page, "Mailer default", "Mailer newsletter")
    return "1 mail by default, 1 by newsletter"


def refused_recipient(walk: Walk) -> str:
    page = send(walk, "refused-recipient")
    (mail,) = walk.new_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [SAMPLE_RECIPIENT])
    expect_words(page, "Sent to some", "refused@example.com 550")
    return "1 recipient got it, the refusal of the other is on the page"


def unreachable_server(walk: Walk) -> str:
    page = send(walk, "unreachable-server")
    walk.new_mails(0)
    expect_words(page, "Not sent", 'classify(error) is "mailer"')
    return "nothing sent, the page says whose fault it is"


def outbox(walk: Walk) -> str:
    page = send(walk, "outbox", walk.email)
    expect_words(page, "In the outbox")
    (mail,) = walk.wait_for_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [walk.email])
    walk.wait_for_words(reverse("recipe", args=["outbox"]), "sent at")
    return "written in the request, sent by a thread"


def outbox_while_the_server_is_down(walk: Walk) -> str:
    walk.mail_server.stop()
    page = send(walk, "outbox", walk.email)
    expect_words(page, "In the outbox")
    walk.new_mails(0)
    walk.mail_server.start()
    (mail,) = walk.wait_for_mails(1)
    expect_equal("the envelope's recipients", mail.rcpt_to, [walk.email])
    return "the mail survived a server that was down, and arrived once"


RECIPE_STEPS: tuple[Step, ...] = (
    plain_text,
    any_other_recipient,
    copies_and_headers,
    from_template,
    attachment,
    file_from_disk,
    inline_image,
    mass_mail,
    newsletter,
    mail_to_managers_and_admins,
    choosing_a_mailer,
    refused_recipient,
    unreachable_server,
    outbox,
    outbox_while_the_server_is_down,
)
