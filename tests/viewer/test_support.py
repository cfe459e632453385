"""Which features a page uses, and the data of which clients show them."""

from __future__ import annotations

import re

import pytest

from django_mailplus.viewer.verdict import support
from django_mailplus.viewer.verdict.reading import read_page
from django_mailplus.viewer.verdict.rules import UNDECIDED, sights_of
from django_mailplus.viewer.verdict.support import data

FEATURES = data().features
SAMPLES = {
    "selector:class": ".a {}",
    "selector:id": "#a {}",
    "selector:type": "a {}",
    "selector:universal": "* {}",
    "selector:attribute": "a[href^='x y'] {}",
    "selector:chaining": ".a.b {}",
    "selector:child": "a > b {}",
    "selector:descendant": "a .b {}",
    "selector:adjacent-sibling": "a + b {}",
    "selector:general-sibling": "a~b {}",
    "selector:grouping": "a, b {}",
    "nesting": "a { color: red; & b { color: blue } }",
    "/*": "a {} /* here */",
    "--": ":root { --ours: 1 }",
}
PAGES = {
    "<!doctype>": "<!DOCTYPE html>",
    "<!-->": "<!-- here -->",
    "href:#": '<a href="#x">',
    "href:mailto": '<a href="MAILTO:a@b.c">',
    "image:base64": '<img src="data:image/xyz;base64,AAAA">',
    "image:svg+xml": '<img src="data:image/svg+xml,x">',
    "<meta color-scheme>": '<meta content="light dark" name="color-scheme">',
}


def sample(sight: str) -> str:
    """A page in which there is but this."""
    if sight in PAGES:
        return PAGES[sight]
    if sight in SAMPLES:
        return f"<style>{SAMPLES[sight]}</style>"
    kind, _, rest = sight.partition(":")
    if sight.startswith("<"):
        name, _, told = sight.strip("<>").partition(" ")
        return f'<{name} type="{told}">'
    if sight.startswith("["):
        return f'<p {sight.strip("[]")}="x">'
    if sight.startswith("@media("):
        return f"<style>@media {sight[6:-1]}: 1) {{}}</style>"
    if sight.startswith(("@", ":")):
        rule = f"{sight} x" if sight[0] == "@" else f"b{sight}"
        return f"<style>{rule} {{}}</style>"
    values = {
        "function": f"color: {rest}(1)",
        "unit": f"color: 1.5{rest}",
        "word": f"color: red !{rest}",
        "image": f"background: url('//e.com/a.{rest}?x=1')",
    }
    declaration = values.get(kind, f"{kind}: {rest or 1}")
    return (
        f"<p style='{declaration}'>"
        if kind != "image"
        else f'<p style="{declaration}">'
    )


@pytest.mark.parametrize("feature", sorted(FEATURES))
def test_every_feature_is_found_where_it_is_used(feature):
    sights = sights_of(feature)
    assert bool(sights) is (feature not in UNDECIDED)
    for sight in sights:
        assert sight in read_page(sample(sight)).seen


def test_of_307_features_305_are_decided():
    decided = [name for name in FEATURES if sights_of(name)]
    assert (len(decided), len(FEATURES)) == (305, 307)


def test_the_data_has_its_date_and_clients():
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", data().date)
    assert "Outlook (Windows)" in data().clients
    for title, told in FEATURES.values():
        assert title
        assert len(told) == len(data().clients)
        assert {*told} <= {*"yanu"}


def test_who_does_not_show_what():
    found = support('<p style="display: grid">x</p>')
    assert found.date == data().date
    grid = next(use for use in found.features if use.title == "display:grid")
    assert "Outlook (Windows)" in grid.unsupported
    assert "Apple Mail (macOS)" not in grid.unsupported + grid.partly
    assert grid.url == "https://www.caniemail.com/features/css-display-grid/"
    counts = [len(use.unsupported) for use in found.features]
    assert counts == sorted(counts, reverse=True)
    assert 50 < found.score < 90


def test_a_page_of_nothing_is_shown_by_all():
    assert (support("").score, support("").features) == (100, ())
    assert support("<p>").score > support("<video>").score


@pytest.mark.parametrize(
    ("css", "unseen"),
    [
        ("@font-face { src: url(x) }", "src:"),
        ("@keyframes x { from { top: 1px } }", "selector:type"),
        ("a { color: #1em }", "unit:em"),
        ("a { font-family: '5px grid' }", "unit:px"),
        ("a { background: url(10vw.png) }", "unit:vw"),
        ("a { color: var(--max-content) }", "word:max-content"),
        ("a { /* display: grid */ }", "display:grid"),
        ("a { content: '} b > c {' }", "selector:child"),
        ("a:not(b > c) { }", "selector:child"),
        ("a { color: red } b { color: red }", "nesting"),
        ("@media print { a { color: red } }", "nesting"),
    ],
)
def test_what_only_looks_like_a_use(css, unseen):
    assert unseen not in read_page(f"<style>{css}</style>").seen


def test_a_sheet_in_an_old_comment_of_html_is_read():
    page = read_page("<style><!-- .a { color: } --></style><b style='top:;left: 1px'>")
    assert page.empty_styles == ["color", "top"]
    assert {"selector:class", "left:", "unit:px"} <= page.seen


@pytest.mark.parametrize(
    "piece",
    [
        "{",
        "a{",
        "}",
        "/*",
        "'",
        "url(",
        "[",
        "(",
        "a ",
        "@media(",
        "1",
        "a:b;",
        "\\",
        ";a:",
    ],
)
def test_a_style_of_any_size_is_read_in_its_time(piece):
    """Whatever tries each place again would be at it until the suite gives it up."""
    text = piece * (500_000 // len(piece))
    read_page(f'<style>{text}</style><p style="{text}">')
