"""A page of a stranger in a real Chromium: nothing runs, nobody is asked."""

from __future__ import annotations

import os
import random

import pytest
from frame_stage import SANDBOX, hostile, place

from django_mailplus.viewer.frame import frame_document, frame_headers

LINKS = ("js", "js2", "data", "vb", "home", "self", "send")


def mail(html):
    return b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()


@pytest.fixture
def site():
    with place() as site:
        yield site


@pytest.fixture
def spy():
    with place() as spy:
        yield spy


@pytest.fixture
def page(chromium):
    context = chromium.new_context(color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.complaints = []
    page.on("console", lambda told: page.complaints.append(told.text))
    yield page
    context.close()


def settle(page):
    """Past the refresh after a second, and whatever a timer or a font would begin."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)


def test_the_corpus_is_dangerous_where_nothing_keeps_it(page, site, spy):
    """Else the tests below would prove nothing."""
    page.goto(site.frame(hostile(spy.url), {}, sandbox=""))
    settle(page)
    assert len({*spy.asked}) > 20
    assert page.title() == "ran"


def poke(page, frame):
    for link in LINKS:
        for element in frame.locator(f"#{link}").all():
            element.click(no_wait_after=True, timeout=2000)


@pytest.mark.parametrize("load_remote", [False, True])
def test_with_all_locks_nothing_runs_and_only_pictures_are_asked_for(
    page, site, spy, load_remote
):
    document = frame_document(mail(hostile(spy.url)), load_remote=load_remote)
    headers = frame_headers(load_remote=load_remote)
    here = site.frame(document.html, headers)
    page.goto(here)
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Rich words").wait_for()
    settle(page)
    poke(page, frame)
    settle(page)
    assert page.title() == "inbox"
    assert page.url == here
    assert frame.locator("h1").inner_text() == "Rich words"
    assert len(page.frames) == 2
    assert len(page.context.pages) == 1
    assert {*site.asked} <= {"/", "/frame", "/favicon.ico"}
    if load_remote:
        assert "/pixel.gif" in spy.asked
        assert all(path.endswith(".gif") for path in spy.asked)
        assert "/icon.gif" not in spy.asked
    else:
        assert spy.asked == []
    assert document.remote_hosts == ("127.0.0.1",)
    assert document.blocked > 30


def test_the_headers_alone_keep_it(page, site, spy):
    for sandbox in (f' sandbox="{SANDBOX}"', ""):
        page.goto(
            site.frame(
                hostile(spy.url), frame_headers(load_remote=False), sandbox=sandbox
            )
        )
        settle(page)
        assert page.title() == "inbox"
        assert [path for path in spy.asked if path != "/refresh"] == []


def test_the_rewriting_alone_keeps_it(page, site, spy):
    page.goto(site.frame(frame_document(mail(hostile(spy.url))).html, {}, sandbox=""))
    frame = page.frame_locator("iframe")
    settle(page)
    poke(page, frame)
    settle(page)
    assert page.title() == "inbox"
    # The one that is written in escapes is for the other locks.
    assert {*spy.asked} <= {"/escaped.gif"}


def test_opened_alone_it_is_a_sandbox_too(page, site, spy):
    site.frame(hostile(spy.url), frame_headers(load_remote=False))
    page.goto(f"{site.url}/frame")
    settle(page)
    assert "ran" not in page.title()
    assert [path for path in spy.asked if path != "/refresh"] == []


def test_a_link_opens_a_window_that_knows_nothing_of_the_inbox(page, site, spy):
    spy.put("/there", "<title>there</title>")
    html = f'<a id="go" rel="opener" target="_self" href="{spy.url}/there">go</a>'
    document = frame_document(mail(html))
    page.goto(site.frame(document.html, frame_headers(load_remote=False)))
    with page.context.expect_page() as opened:
        page.frame_locator("iframe").locator("#go").click()
    there = opened.value
    there.wait_for_load_state()
    assert there.title() == "there"
    assert there.evaluate("window.opener") is None
    assert there.evaluate("document.referrer") == ""
    assert page.title() == "inbox"


def test_a_fragment_stays_in_the_frame(page, site):
    html = '<a id="go" href="#down">go</a><p style="height:3000px">x<h2 id="down">down'
    document = frame_document(mail(html))
    page.goto(site.frame(document.html, frame_headers(load_remote=False)))
    frame = page.frame_locator("iframe")
    frame.locator("#go").click()
    page.frames[1].wait_for_url("**/frame#down")
    assert len(page.context.pages) == 1


def test_a_picture_that_is_not_loaded_keeps_its_room(page, site, spy):
    html = f'<img id="i" src="{spy.url}/a.gif" width="120" height="80" alt="A cat">'
    document = frame_document(mail(html))
    page.goto(site.frame(document.html, frame_headers(load_remote=False)))
    box = page.frame_locator("iframe").locator("#i").bounding_box()
    assert (box["width"], box["height"]) == (120, 80)
    assert [told for told in page.complaints if "404" not in told] == []  # its icon


AUTHORED = """<style>:root { color-scheme: light dark } p { color: rgb(1, 1, 1) }
@media (prefers-color-scheme: dark) { p { color: rgb(2, 2, 2) } }</style><p>x</p>"""
COLOR = "element => getComputedStyle(element).color"


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize(
    ("scheme", "color", "canvas"),
    [("light", 1, "light"), ("dark", 2, "dark"), ("inverted", 1, "light")],
)
def test_the_scheme_is_that_of_the_page_whatever_the_system_has(
    page, site, system, scheme, color, canvas
):
    page.emulate_media(color_scheme=system)
    document = frame_document(mail(AUTHORED), scheme=scheme)
    page.goto(site.frame(document.html, frame_headers(load_remote=False)))
    words = page.frame_locator("iframe").locator("p")
    assert words.evaluate(COLOR) == f"rgb({color}, {color}, {color})"
    used = "element => getComputedStyle(document.documentElement).colorScheme"
    assert words.evaluate(used) == canvas


@pytest.mark.parametrize(("system", "color"), [("light", 1), ("dark", 2)])
def test_without_a_scheme_it_is_the_system_that_decides(page, site, system, color):
    page.emulate_media(color_scheme=system)
    document = frame_document(mail(AUTHORED))
    page.goto(site.frame(document.html, frame_headers(load_remote=False)))
    words = page.frame_locator("iframe").locator("p")
    assert words.evaluate(COLOR) == f"rgb({color}, {color}, {color})"


def test_inverted_turns_what_has_no_dark_design_and_leaves_pictures(page, site):
    html = '<p style="margin:0;height:50px"></p><img alt="" src="data:," width="9">'
    document = frame_document(mail(html), scheme="inverted")
    page.goto(site.frame(document.html, frame_headers(load_remote=False)))
    frame = page.frame_locator("iframe")
    turned = "element => getComputedStyle(element).filter"
    assert frame.locator("html").evaluate(turned) == "invert(1) hue-rotate(180deg)"
    assert frame.locator("img").evaluate(turned) == "invert(1) hue-rotate(180deg)"


PAGES = int(os.environ.get("MAILPLUS_FRAME_PAGES", "500"))
PIECES = (
    *(
        "<",
        ">",
        "</",
        "<!--",
        "-->",
        "--!>",
        "<![CDATA[",
        "]]>",
        "'",
        '"',
        "=",
        "/",
        " ",
        "\n",
        "&lt;",
        "`",
        "\x0c",
    ),
    *(
        "script",
        "style",
        "title",
        "a",
        "x",
        "onload=1",
        " onerror=1 ",
        "href=",
        "javascript:1",
        "src=",
        "\u017f",
    ),
    *(
        "<script>",
        "</script>",
        "<style>",
        "</style>",
        "<title>",
        "</title>",
        "<textarea>",
        "</textarea>",
    ),
    *(
        "<b ",
        "<img ",
        "<a href=",
        "<!",
        "<?",
        "<svg>",
        "</svg>",
        "<math>",
        "<mtext>",
        "<mglyph>",
        "<p>",
        "</p>",
    ),
    *(
        "<select>",
        "</select>",
        "<option>",
        "<table>",
        "<td>",
        "<template>",
        "</template>",
        "<noscript>",
        "<xmp>",
    ),
    *(
        "</xmp>",
        "<iframe>",
        "</iframe>",
        "<noembed>",
        "<plaintext>",
        "<foreignObject>",
        "<img onerror=1 src=x>",
    ),
    *(
        "<form>",
        "<frameset>",
        "<desc>",
        "<annotation-xml encoding=text/html>",
        "<body onload=1>",
        "<html onload=1>",
    ),
)
# What a browser reads in a page, without scripts as in the frame. A template has a tree of its own.
ACTIVE = """pages => pages.flatMap((html, number) => {
  const found = [];
  const search = root => { for (const element of root.querySelectorAll("*")) {
    if (element.matches("script, iframe, object, embed, svg, math, link, frame")) found.push(element.tagName);
    for (const { name, value } of element.attributes)
      if (name.startsWith("on") || /^\\s*javascript:/i.test(value) && name === "href") found.push(name + "=" + value);
    if (element.content) search(element.content);
  } };
  search(new DOMParser().parseFromString(html, "text/html"));
  return found.length ? [[number, found]] : [];
})"""


def test_what_chromium_reads_in_pages_at_random_has_nothing_active(page):
    chance = random.Random(7)  # noqa: S311 (no secret)
    wild = [
        "".join(chance.choices(PIECES, k=chance.randint(2, 25))) for _ in range(PAGES)
    ]
    assert len(page.evaluate(ACTIVE, wild)) > PAGES / 3
    tamed = [frame_document(mail(html)).html for html in wild]
    active = page.evaluate(ACTIVE, tamed)
    assert [(wild[number], tamed[number], found) for number, found in active[:3]] == []
