"""Every page passes axe-core, in both colour schemes: WCAG 2.2 A and AA, and best practices.

axe-core comes from npm: MAILPLUS_AXE names its axe.min.js.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser_stage import FRAMES_AND_IMAGES, log_in
from django.core import mail as sent
from inbox_stage import put
from outbox_admin_stage import (
    LIST,
    QUEUE,
    letter,
    needs_admin,
    page_of,
    put_due_for,
    put_finished,
    refuse_one,
    somebody,
)
from outbox_admin_stage import put as enqueued
from verification_stage import links_of, make_user

from django_mailplus.outbox.mailers import pausing
from django_mailplus.suppression import (
    Reason,
    preferences_url,
    suppress,
    unsubscribe_url,
)
from django_mailplus.suppression.models import Suppression
from django_mailplus.verification import send_verification_email

ENTRIES = "/admin/mailplus/suppression/"
OF_DJANGO = {
    # The label of the field is a picture, in any list with a help text for its search.
    ("label-title-only", "#searchbar"),
}
TABS = ("html", "text", "source", "headers", "parts", "origin")
MAIL = "<h1>Welcome</h1><p>Type <b>482913</b></p><p><a class=button href='https://a.example/x'>Go</a></p>"


@pytest.fixture(scope="module")
def axe():
    path = os.environ.get("MAILPLUS_AXE")
    if not path:
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail("MAILPLUS_AXE does not name the axe.min.js of axe-core.")
        pytest.skip("MAILPLUS_AXE names no axe.min.js")
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture(params=[("desktop", "light"), ("phone", "dark")], ids="-".join)
def page(request, new_page, settings):
    settings.DEBUG = True
    settings.MAILPLUS |= {"BULK_STREAMS": {"news": "News", "offers": "Offers"}}
    settings.LANGUAGES = [("en-us", "English"), ("de", "German")]
    size, scheme = request.param
    return new_page(size, color_scheme=scheme)


@pytest.fixture
def faults(page, axe):
    """What axe has against a page of the site, or against what the browser shows already."""

    def look(path=None):
        if path:
            page.goto(path)
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {iframes: false, preload: false})")
        return [
            f"{page.url}: {fault['id']}: {node['html'][:200]}"
            for fault in result["violations"]
            for node in fault["nodes"]
            if (fault["id"], *node["target"]) not in OF_DJANGO
        ]

    return look


@pytest.fixture
def admin(page, client, site, settings):
    """The page, of somebody who may do all in the admin."""
    settings.DEBUG = False
    settings.PAGE_POLICY += FRAMES_AND_IMAGES
    log_in(page, somebody(client, superuser=True), site)
    return page


def test_the_inbox(faults, with_mailers):
    with_mailers(
        {"default": {"BACKEND": "django_mailplus.backends.inbox.EmailBackend"}}
    )
    mail = put("Welcome", "Type 482913", MAIL, to=["ann@example.com"])
    put("An attachment", "See file", to=["bob@example.com"])
    pages = ["/mail/", "/mail/?q=nothing", "/mail/to/ann@example.com/"]
    pages += [f"/mail/m/{mail.pk}/{tab}/" for tab in TABS]
    assert [fault for page in pages for fault in faults(page)] == []


def test_the_empty_inbox(faults):
    assert faults("/mail/") == []


def open_menus(page):
    page.evaluate(
        "document.querySelectorAll('details').forEach(each => each.open = true)"
    )


def test_the_menus_and_answers_of_the_inbox(page, faults, with_mailers, settings):
    with_mailers(
        {"default": {"BACKEND": "django_mailplus.backends.inbox.EmailBackend"}}
    )
    settings.MAILPLUS |= {
        "INBOX_RELEASE_TO": ["example.com"],
        "INBOX_RELEASE_MAILER": "default",
    }
    mail = put("Welcome", "Type 482913", MAIL, to=["ann@example.com"])
    assert faults("/mail/?q=is:funny") == []
    page.goto(f"/mail/m/{mail.pk}/")
    open_menus(page)
    assert faults() == []
    page.get_by_label("Send it to").fill("team@example.com")
    page.get_by_role("button", name="Release").click()
    page.get_by_role("heading", name="Released.").wait_for()
    assert faults() == []


def test_the_previews(page, faults):
    sample = "/mail/previews/mailplus.verify_address/sample/"
    pages = ["/mail/previews/", sample, f"{sample}?lang=all", f"{sample}?as=text"]
    assert [fault for page in pages for fault in faults(page)] == []
    open_menus(page)
    assert faults() == []


def test_previews_that_fail(page, faults, monkeypatch):
    from django_mailplus import mails
    from django_mailplus.previews import finding

    def fails(number: int):
        """A parameter without a default."""

    def raises():
        raise LookupError("the cause")

    for function in (fails, raises):
        function.__module__, function.__qualname__ = mails.__name__, function.__name__
        monkeypatch.setattr(mails, function.__name__, function, raising=False)
        monkeypatch.setitem(
            finding._functions, (mails.__name__, function.__name__), function
        )
    page.goto("/mail/previews/")
    open_menus(page)
    assert faults() == []
    assert faults("/mail/previews/mailplus.raises/sample/") == []


def test_the_pages_for_visitors(faults):
    user = make_user()
    send_verification_email(user)
    links = links_of(sent.outbox[0])
    pages = [
        "/verify/resend/",
        links["verify"],
        links["report"],
        "/verify/no/such/",
        unsubscribe_url("ann@example.com", "news"),
        preferences_url("ann@example.com"),
    ]
    paths = [urlsplit(page).path for page in pages]
    assert [fault for path in paths for fault in faults(path)] == []


@needs_admin
def test_the_outbox(admin, faults):
    rich = letter("Welcome", html=MAIL)
    rich.attach("c.pdf", b"x" * 5_000, "application/pdf")
    mail = enqueued(rich, attempts=1, code=451, text="Later")
    refuse_one(mail, mail.recipients[0])
    put_finished("failed")
    put_finished("sent")
    put_due_for(500, mailer="newsletter")
    pausing.pause_by_hand("newsletter", "Legal asks")
    assert faults(LIST) + faults(f"{LIST}?q=nothing") == []
    assert faults(QUEUE) == []
    for summary in ("Pause", "As a table"):
        admin.locator("summary", has_text=summary).click()
    assert faults() == []
    assert faults(page_of(mail)) + faults(page_of(mail, "history")) == []
    admin.goto(page_of(mail))
    admin.locator("summary", has_text="headers").click()
    assert faults() == []
    admin.get_by_role("button", name="Cancel sending").click()
    admin.get_by_text("They will not be sent.").wait_for()
    assert faults() == []


@needs_admin
def test_the_do_not_mail_list(admin, faults):
    suppress("bob@example.com", reason=Reason.COMPLAINT)
    entry = f"{ENTRIES}{Suppression.objects.get().pk}/"
    pages = [ENTRIES, f"{ENTRIES}add/", f"{entry}change/", f"{entry}delete/"]
    assert [fault for page in pages for fault in faults(page)] == []
    admin.goto(f"{ENTRIES}add/")
    admin.get_by_role("button", name="Save", exact=True).click()
    admin.get_by_text("Please correct the error below.").wait_for()
    assert faults() == []
