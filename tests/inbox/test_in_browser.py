"""The inbox in a real browser, under the policy that its pages set themselves."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest
from browser_stage import SIZES, fits
from contrast import CONTRAST
from inbox_stage import PNG, letter, put, put_raw

from django_mailplus.compat import get_mailer
from django_mailplus.inbox.models import CaughtMail

pytestmark = pytest.mark.django_db(transaction=True)

CODE = "482913"
PAGE = f"""<h1>Welcome</h1><p>Type <b>{CODE}</b></p>
<p><a class="button" href="/verified/">Confirm my address</a></p>"""

HOSTILE = """
<h1>Rich words</h1>
<script>document.title = "run"; parent.document.title = "run"; fetch("https://spy.example/f")</script>
<img src="https://spy.example/pixel.png" onerror="document.title = 'run'">
<svg onload="document.title = 'run'"><script>document.title = "run"</script></svg>
<link rel="stylesheet" href="https://spy.example/style.css">
<style>@import "https://spy.example/import.css"; h1 { background: url(https://spy.example/b.png) }</style>
<iframe src="https://spy.example/frame" srcdoc="<script>top.document.title = 'run'</script>"></iframe>
<meta http-equiv="refresh" content="0; url=https://spy.example/refresh">
<base href="https://spy.example/">
<form action="https://spy.example/form"><button id="send">Send</button></form>
<object data="https://spy.example/object"></object><a href="javascript:top.document.title='run'">x</a>
"""


@pytest.fixture
def site(site, settings):
    settings.DEBUG = True
    return site


def at_the_site(site):
    return PAGE.replace('href="', f'href="{site}')


def is_read(mail):
    return CaughtMail.objects.get(pk=mail.pk).is_read


def test_a_new_mail_slides_in_and_its_link_is_one_click_away(new_page, site):
    page = new_page()
    page.goto("/mail/")
    page.get_by_text("Nothing has been sent yet").wait_for()
    put("Please confirm", f"Type {CODE}", at_the_site(site), to=["ann@example.com"])
    page.locator(".mail.is-new").wait_for()
    assert page.title() == "(1) Inbox"
    news = page.locator("#news")
    assert news.inner_text() == "New mail from Ann: Please confirm"
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Confirm my address", exact=True).click()
    assert opened.value.url == f"{site}/verified/"
    put("Second", to=["bob@example.com"])
    page.locator(".mail").nth(1).wait_for()
    assert page.locator(".mail .subject").all_inner_texts() == [
        "Second",
        "Please confirm",
    ]
    page.get_by_role("link", name="All mails to ann@example.com").click()
    page.get_by_role("heading", name="To ann@example.com").wait_for()
    assert page.locator(".mail").count() == 1


def test_a_list_that_changes_keeps_the_focus(new_page, site):
    put("Old", f"Your code: {CODE}")
    page = new_page()
    page.goto("/mail/")
    page.locator(".mail .code").focus()
    put("New")
    page.locator(".mail.is-new").wait_for()
    focused = page.evaluate("document.activeElement.dataset.copy")
    assert focused == CODE


def test_the_keys(new_page, site):
    for subject in ("third", "second"):
        put(subject)
    first = put("first", f"Your code: {CODE}", at_the_site(site))
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/mail/")
    page.keyboard.press("j")
    page.get_by_role("heading", name="first").wait_for()
    page.keyboard.press("c")
    page.locator(".message .is-copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == CODE
    with page.context.expect_page() as opened:
        page.keyboard.press("o")
    assert opened.value.url == f"{site}/verified/"
    page.keyboard.press("j")
    page.get_by_role("heading", name="second").wait_for()
    page.keyboard.press("k")
    page.get_by_role("heading", name="first").wait_for()
    page.keyboard.press("4")
    page.get_by_role("rowheader", name="Message-ID").wait_for()
    page.keyboard.press("#")
    page.get_by_role("heading", name="second").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("third")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Found").wait_for()
    assert page.locator(".mail .subject").all_inner_texts() == ["third"]
    page.keyboard.press("j")
    page.get_by_role("heading", name="third").wait_for()
    page.keyboard.press("u")
    page.get_by_role("heading", name="Found").wait_for()
    assert page.url.endswith("/mail/?q=third")
    assert not CaughtMail.objects.filter(pk=first.pk).exists()


def test_to_open_a_mail_is_to_read_it(new_page):
    mail = put("Hello")
    page = new_page()
    with page.expect_response(re.compile("/read/")):
        page.goto(f"/mail/m/{mail.pk}/")
    assert is_read(mail)
    page.locator(".mail:not(.unread)").wait_for()
    page.get_by_role("button", name="Mark unread").click()
    page.locator(".mail.unread").wait_for()


def test_without_javascript_everything_can_be_read_and_done(new_page, site):
    mail = put("Hello", f"Your code: {CODE}", at_the_site(site))
    page = new_page(java_script_enabled=False)
    page.goto("/mail/")
    page.get_by_role("link", name="Hello").click()
    assert page.frame_locator("iframe").get_by_text("Welcome").is_visible()
    for tab in ("Text", "Source", "Headers", "Parts", "Origin", "HTML"):
        page.get_by_role("link", name=tab, exact=True).click()
        current = page.locator(".tabs [aria-current=page]")
        assert current.inner_text() == tab
    page.get_by_role("link", name="Phone").click()
    assert page.locator("iframe").bounding_box()["width"] <= 362
    assert not is_read(mail)
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("No mails yet.").wait_for()


def test_nothing_of_a_hostile_mail_runs_or_is_asked_for(new_page, site):
    mail = put("<script>document.title='run'</script>", "x", HOSTILE)
    page = new_page(hostile=True)
    page.goto(f"/mail/m/{mail.pk}/")
    page.frame_locator("iframe").get_by_text("Rich words").wait_for()
    page.get_by_role("link", name="Dark").click()
    page.frame_locator("iframe").get_by_text("Rich words").wait_for()
    page.goto(f"/mail/m/{mail.pk}/frame/")
    page.get_by_text("Rich words").wait_for()
    assert "run" not in page.title()
    assert [url for url in page.asked if "spy.example" in url] == []


RUN = b"<h1>Rich words</h1><script>document.title='run'</script><img src=https://spy.example/x>"
# Charsets are the ways in which a page says one thing to the reader of a mail, and another to a browser.
BROKEN = {
    "10,000 parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    + RUN
    + b"\r\n--b\r\n\r\nx" * 10_000,
    "parts without end": b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n"
    + b64encode(RUN)[:-2],
    "no charset": b"Content-Type: text/html; charset=no-such\r\n\r\n" + RUN + b"\xff\xfe",
    "utf-7": b"Content-Type: text/html; charset=utf-7\r\n\r\n<h1>Rich words</h1>"
    b"+ADw-script+AD4-document.title='run'+ADw-/script+AD4-",
    "utf-16": b"Content-Type: text/html; charset=utf-16\r\n\r\n"
    + RUN.decode().encode("utf-16"),
    "a charset of its own": b"Content-Type: text/html; charset=utf-8\r\n\r\n<meta charset=iso-2022-jp>"
    b"<h1>Rich words</h1>\x1b$B<img alt='\x1b(B'><script>document.title='run'</script>",
    "bytes of zero": b"Content-Type: text/html\r\n\r\n<h1>Rich words</h1><scr\0ipt>document.title='run'</script>"
    b"<img src=x one\0rror=document.title='run'>",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_nothing_of_a_broken_mail_runs_either(new_page, name):
    mail = put_raw(BROKEN[name])
    page = new_page(hostile=True)
    for path in ("html/", "text/", "source/", "headers/", "parts/", "origin/", ""):
        page.goto(f"/mail/m/{mail.pk}/{path}")
    page.frame_locator("iframe").get_by_text("Rich words").wait_for()
    page.goto(f"/mail/m/{mail.pk}/frame/")
    page.get_by_text("Rich words").wait_for()
    assert "run" not in page.title()
    assert [url for url in page.asked if "spy.example" in url] == []


def test_remote_pictures_are_asked_for_by_hand_only(new_page):
    mail = put("Hi", "x", '<p>Look</p><img src="https://spy.example/pixel.png">')
    page = new_page()
    page.context.route("https://spy.example/**", lambda route: route.fulfill(body=PNG))
    page.goto(f"/mail/m/{mail.pk}/")
    page.frame_locator("iframe").get_by_text("Look").wait_for()
    assert [url for url in page.asked if "spy.example" in url] == []
    with page.expect_request("https://spy.example/pixel.png"):
        page.get_by_role("link", name="Load remote images").click()


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_inbox_shows_all_of_the_setting_that_fills_it(
    new_page, site, settings, size
):
    settings.MAILERS = {
        "default": {"BACKEND": "django_mailplus.backends.smtp.EmailBackend"}
    }
    page = new_page(size)
    page.goto("/mail/")
    setting = page.locator("pre")
    assert "inbox.EmailBackend" in setting.inner_text()
    assert fits(page)
    if size == "desktop":  # on a phone it scrolls within its own box
        assert setting.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_and_can_be_read(new_page, site, settings, size, scheme):
    settings.MAILPLUS = {
        "INBOX_RELEASE_TO": ["example.com"],
        "INBOX_RELEASE_MAILER": "default",
    }
    long = letter(
        "W" * 200,
        "x" * 500,
        at_the_site(site),
        to=[f"{'a' * 60}@{'b' * 60}.example.com", *(f"p{n}@e.com" for n in range(30))],
        sender=f"{'S' * 150} <s@example.com>",
    )
    long.attach("c" * 120 + ".pdf", b"x" * 5_000, "application/pdf")
    long.attach("p.png", PNG, "image/png")
    get_mailer("default").send_messages([long])
    mail = CaughtMail.objects.get()
    put_raw(b"\0\xff" * 50)
    page = new_page(size, color_scheme=scheme)
    tabs = ("html", "text", "source", "headers", "parts", "origin")
    paths = ["/mail/", "/mail/?q=is:funny", "/mail/to/p1@e.com/", "/mail/?q=nothing"]
    for path in [*paths, *(f"/mail/m/{mail.pk}/{tab}/" for tab in tabs)]:
        page.goto(path)
        assert fits(page), path
        # All at once: the list is another one as soon as the mail counts as read.
        told = page.locator(
            ":is(h1, h2, .quiet, .chip, .act, .note, .sender, .subject, .words, time, "
            ".bad, .problem, .face, button, summary, .tabs a, dt, th):visible"
        ).evaluate_all(f"all => all.map(e => [e.innerText, ({CONTRAST})(e)])")
        assert told
        assert [text for text, ratio in told if ratio < 4.5] == [], path


def test_a_quiet_page_asks_once_and_shows_a_new_mail_at_once(new_page, monkeypatch):
    """The server holds the request of a page that may wait; here the test does."""
    monkeypatch.setattr("django_mailplus.inbox.listing._PATIENCE", 20)
    put("first")
    page, held = new_page(), []
    page.route("**/api/messages/**", lambda route: held.append(route))
    page.goto("/mail/")
    page.wait_for_timeout(4_000)
    assert len(held) == 1
    assert "wait=20" in held[0].request.url
    put("second")
    held.pop().continue_(url=held_url(page, wait=0))
    page.locator(".mail.is-new").wait_for(timeout=2_000)


def held_url(page, *, wait):
    return f"{page.url}api/messages/?limit=1&wait={wait}"
