"""The pages to unsubscribe in a real browser, in all sizes and colours."""

from __future__ import annotations

import pytest
from browser_stage import SIZES, fits
from contrast import CONTRAST

from django_mailplus.suppression import (
    Reason,
    is_suppressed,
    preferences_url,
    suppress,
    unsubscribe_url,
)

BOB = "bob@example.com"


@pytest.fixture
def streams(site, settings):
    settings.MAILPLUS |= {
        "BULK_STREAMS": {"news": "Our monthly newsletter", "offers": "Offers"}
    }


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_leave_undo_and_choose(new_page, size, colours):
    page = new_page(size, color_scheme=colours, java_script_enabled=False)

    def look(heading):
        page.get_by_role("heading", name=heading).wait_for()
        assert fits(page)
        for part in page.locator("h1, p, a, button, label, legend").all():
            assert part.evaluate(CONTRAST) >= 4.5

    page.goto(unsubscribe_url(BOB, "news"))
    look("Unsubscribe from “Our monthly newsletter”?")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    look("You are unsubscribed")
    assert is_suppressed(BOB, stream="news")
    page.get_by_role("button", name="It was a mistake").click()
    look("You are subscribed again")
    assert not is_suppressed(BOB, stream="news")
    page.get_by_role("link", name="Choose what you want to get").click()
    look("What you get from us")
    page.get_by_label("Offers").uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your choice is saved.").wait_for()
    assert page.get_by_label("Our monthly newsletter").is_checked()
    assert is_suppressed(BOB, stream="offers")
    page.get_by_role("button", name="None of them").click()
    page.get_by_text("Your choice is saved.").wait_for()
    assert is_suppressed(BOB, stream="news")


@pytest.mark.usefixtures("streams")
def test_somebody_who_gets_nothing_at_all_is_told(new_page):
    suppress(BOB, reason=Reason.COMPLAINT)
    page = new_page("phone")
    page.goto(preferences_url(BOB))
    page.get_by_role("alert").wait_for()
    assert fits(page)
