"""The outbox of the admin in a real browser, under the strictest policy that it works with."""

from __future__ import annotations

import pytest
from browser_stage import FRAMES_AND_IMAGES, SIZES, fits, log_in
from contrast import CONTRAST
from outbox_admin_stage import (
    LIST,
    QUEUE,
    letter,
    needs_admin,
    page_of,
    put,
    put_due_for,
    put_finished,
    refuse_one,
    somebody,
    state,
)

from django_mailplus.outbox.mailers import pausing

pytestmark = needs_admin

HOSTILE = """
<h1>Rich words</h1>
<script>document.title = "run"; parent.document.title = "run"; fetch("https://spy.example/f")</script>
<img src="https://spy.example/pixel.png" onerror="document.title = 'run'">
<link rel="stylesheet" href="https://spy.example/style.css">
<style>@import "https://spy.example/import.css"; h1 { color: rgb(1, 2, 3);
  background: url(https://spy.example/background.png) }</style>
<iframe src="https://spy.example/frame"></iframe>
<meta http-equiv="refresh" content="0; url=https://spy.example/refresh">
<base href="https://spy.example/">
<a id="here" target="_self" href="https://spy.example/self">here</a>
<a id="new" href="https://spy.example/new">new</a>
<a id="top" target="_top" href="https://spy.example/top">top</a>
<form action="https://spy.example/form"><button id="send">Send</button></form>
<object data="https://spy.example/object"></object>
"""


@pytest.fixture
def new_page(new_page, site, client, settings):
    """Opens a page of whoever may do all."""
    settings.PAGE_POLICY += FRAMES_AND_IMAGES
    boss = somebody(client, superuser=True)

    def open_page(*args, **options):
        page = new_page(*args, **options)
        log_in(page, boss, site)
        return page

    return open_page


@pytest.fixture
def mails(db):
    """One of every kind, with words that are too long for any column."""
    rich = letter(
        "W" * 200, html="<p>Rich words</p>", to=[f"{'a' * 60}@{'b' * 60}.example.com"]
    )
    rich.attach("c" * 120 + ".pdf", b"x" * 5_000, "application/pdf")
    mail = put(rich, attempts=1, claimed_by="d" * 100, code=451, text="e" * 500)
    refuse_one(mail, mail.recipients[0], f"550 5.1.1 {'f' * 400}")
    for each in (
        "sent",
        "partial",
        "failed",
        "unknown",
        "suppressed",
        "expired",
        "cancelled",
    ):
        put_finished(each)
    put(state="held")
    put_due_for(500, mailer="newsletter")
    pausing.pause_by_hand("newsletter", "g" * 300)
    return mail


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_can_be_read_and_has_no_errors(
    new_page, mails, settings, size, scheme
):
    page = new_page(size, color_scheme=scheme)
    for path in (LIST, f"{LIST}?state=failed", page_of(mails), QUEUE):
        response = page.goto(path)
        assert response.headers["content-security-policy"] == settings.PAGE_POLICY
        assert fits(page), path
        labels = page.locator(".mailplus-state, .mailplus-hint:visible").all()
        assert labels, path
        for label in labels:
            ratio = label.evaluate(CONTRAST)
            assert ratio >= 4.5, (path, label.inner_text(), ratio)


def test_the_mailers_of_the_queue_stand_in_one_line(new_page, mails):
    """Whether one is paused, has mails, or neither."""
    pausing.pause_by_hand("bulk", "No mail yet")
    page = new_page()
    page.goto(QUEUE)
    heads = page.locator(".mailplus-head h3").all()
    assert len(heads) == 3
    assert len({head.bounding_box()["x"] for head in heads}) == 1
    assert page.locator(".mailplus-counts").count() == 2  # no room for what is empty
    labels = page.locator(".mailplus-counts a").all_inner_texts()
    assert "queued 1" in [" ".join(label.split()) for label in labels]


def test_the_frame_runs_nothing_loads_nothing_and_leads_nowhere(new_page):
    mail = put(letter(html=HOSTILE))
    page = new_page(hostile=True)
    loaded = []
    page.route(
        "https://spy.example/**",
        lambda route: (loaded.append(route.request.url), route.abort()),
    )
    page.goto(page_of(mail))
    title = page.title()
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Rich words").wait_for()
    color = "element => getComputedStyle(element).color"
    assert frame.locator("h1").evaluate(color) == "rgb(1, 2, 3)"  # styles of its own
    for link in ("#here", "#new", "#top", "#send"):
        inside = frame.locator(link)
        if inside.count():
            inside.click(no_wait_after=True)
            page.wait_for_timeout(200)
    page.wait_for_timeout(500)
    assert loaded == []
    assert page.title() == title
    assert page.url.endswith(page_of(mail))
    assert len(page.context.pages) == 1


def test_the_frame_opened_alone_is_a_sandbox_too(new_page):
    mail = put(letter(html=HOSTILE))
    page = new_page(hostile=True)
    loaded = []
    page.route(
        "https://spy.example/**",
        lambda route: (loaded.append(route.request.url), route.abort()),
    )
    page.goto(page_of(mail, "html"))
    page.get_by_role("heading", name="Rich words").wait_for()
    page.wait_for_timeout(500)
    assert page.title() != "run"
    assert loaded == []


def test_the_source_is_text(new_page):
    page = new_page()
    page.goto(page_of(put(letter("Hello", "<h1>No heading</h1>")), "source"))
    assert page.locator("h1").count() == 0
    assert "<h1>No heading</h1>" in page.locator("pre").inner_text()


def test_cancel_a_mail_and_hold_many(new_page):
    first, second = put(), put()
    page = new_page("phone")
    page.goto(page_of(first))
    page.get_by_role("button", name="Cancel sending").click()
    page.get_by_text("They will not be sent.").wait_for()
    assert fits(page)
    assert state(first) == "queued"
    page.get_by_role("link", name="No, take me back").click()
    page.get_by_role("button", name="Cancel sending").click()
    page.get_by_text("They will not be sent.").wait_for()
    page.get_by_role("button", name="Cancel sending").click()
    page.get_by_text("Cancel sending: 1 mail.").wait_for()
    assert state(first) == "cancelled"
    page.goto(LIST)
    page.locator(f'input[name="_selected_action"][value="{second.pk}"]').check()
    page.get_by_label("Action:").select_option("hold")
    page.get_by_role("button", name="Run").or_(
        page.get_by_role("button", name="Go")
    ).click()
    page.get_by_text("Hold: 1 mail.").wait_for()
    assert state(second) == "held"


def test_pause_and_resume_without_scripts_by_keyboard(new_page):
    put()
    page = new_page(java_script_enabled=False)
    page.goto(QUEUE)
    page.locator("summary", has_text="Pause").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Reason").fill("Legal asks")
    page.keyboard.press("Enter")
    page.get_by_text("Legal asks").wait_for()
    assert pausing.look("smtp").paused
    page.get_by_role("button", name="Resume smtp").press("Enter")
    page.get_by_text("smtp sends again.").wait_for()
    assert not pausing.look("smtp").paused


def test_the_queue_in_the_tree_of_a_screen_reader(new_page):
    put_finished("sent")
    page = new_page()
    page.goto(QUEUE)
    chart = page.get_by_role("img", name="Mails sent in each of the last 60 minutes")
    assert chart.count() == 1
    page.get_by_text("As a table").click()
    assert page.locator(".mailplus-tall").get_by_role("row").count() == 61
