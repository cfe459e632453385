"""The previews in a real browser: live frames, values that change them, nothing that leaves."""

from __future__ import annotations

from io import StringIO

import pytest
from browser_stage import SIZES, fits
from django.core.management import call_command
from inbox_stage import PNG

FAR = "https://far.example.com"
SAMPLE = "/mail/previews/mailplus.verify_address/sample/"


@pytest.fixture
def open_page(new_page, site, settings):
    settings.DEBUG = True
    settings.LANGUAGES = [("en-us", "English"), ("de", "German")]
    pages = []

    def open_at(path, size="desktop", **options):
        page = new_page(size, **options)
        pages.append(page)
        page.goto(path)
        return page

    yield open_at
    asked = [url for page in pages for url in page.asked]
    assert [url for url in asked if not url.startswith((site, "data:"))] == []


def test_the_wall_is_live_and_leads_to_a_mail(open_page):
    page = open_page("/mail/previews/")
    card = page.frame_locator('iframe[title^="account_exists"]')
    card.get_by_text("You have an account already").wait_for()
    page.get_by_role("link", name="verify_address").click()
    page.wait_for_url(f"**{SAMPLE}?lang=en-us")


def test_a_value_changes_the_mail_and_languages_stand_side_by_side(open_page):
    page = open_page(SAMPLE)
    page.get_by_text("Values").click()
    page.get_by_label("code").fill("777123")
    page.get_by_role("button", name="Show").click()
    page.frame_locator("iframe").get_by_text("777123").wait_for()
    page.get_by_role("link", name="all", exact=True).click()
    german = page.get_by_role("region", name="de").frame_locator("iframe")
    german.get_by_text("777123").wait_for()
    german.get_by_role("link", name="Bestätigen").wait_for()


def test_a_file_shows_its_pictures(pictured, tmp_path, new_page):
    call_command("mailpreview", "shop_app.Pictured", out=tmp_path, stdout=StringIO())
    [written] = tmp_path.glob("*.html")
    page = new_page()
    page.context.route(f"{FAR}/**", lambda route: route.fulfill(body=PNG))
    page.goto(written.as_uri())
    width = page.get_by_alt_text("Dot").evaluate("picture => picture.naturalWidth")
    assert width == 1


def test_remote_pictures_are_asked_for_by_hand_only(pictured, new_page, settings):
    settings.DEBUG = True
    page = new_page()
    page.context.route(f"{FAR}/**", lambda route: route.fulfill(body=PNG))
    for path in ("", "shop_app.Pictured/ann/"):
        page.goto(f"/mail/previews/{path}")
        frame = page.frame_locator('iframe[src*="shop_app.Pictured"]')
        frame.get_by_alt_text("Dot").wait_for()
    assert [url for url in page.asked if url.startswith(FAR)] == []
    with page.expect_request(f"{FAR}/dot.gif"):
        page.get_by_role("link", name="Load remote images").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits(open_page, size, scheme):
    for path in ("/mail/previews/", SAMPLE, f"{SAMPLE}?lang=all&as=text"):
        assert fits(open_page(path, size, color_scheme=scheme)), path
