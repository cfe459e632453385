"""Which links become whole, and that no page takes longer than it is long."""

from __future__ import annotations

import time

import pytest

from django_mailplus.templated.whole_links import with_whole_links


def whole(html):
    return with_whole_links(html, "https://x.example{}".format)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="/a">', '<a href="https://x.example/a">'),
        (
            '<td background="/a.png"><a class="b" href="/b" id=c src="/d">',
            '<td background="https://x.example/a.png">'
            '<a class="b" href="https://x.example/b" id=c src="https://x.example/d">',
        ),
        ("<a href='/it\"s'>", "<a href='https://x.example/it\"s'>"),
        ('<a href = "/a b">', '<a href = "https://x.example/a b">'),
        ("<A\nHREF=/a/>", "<A\nHREF=https://x.example/a/>"),
        ('<a title="1 > 0" href="/a">', '<a title="1 > 0" href="https://x.example/a">'),
        ('<a class="b"href="/a">', '<a class="b"href="https://x.example/a">'),
        ("<p it's><a href='/a'>", "<p it's><a href='https://x.example/a'>"),
        (
            "<!--[if mso]><v:r href='/a'>",
            "<!--[if mso]><v:r href='https://x.example/a'>",
        ),
    ],
)
def test_every_link_of_a_tag(html, expected):
    assert whole(html) == expected


@pytest.mark.parametrize(
    "html",
    [
        '<a href="//cdn.example.com/a">',
        '<a href="#a" src="a.png" data-href="/a" href="mailto:a@example.com">',
        """<a title=' href="/a"' alt=" src='/b'">""",
        'Write href="/a" into 1 < 2.',
    ],
)
def test_what_is_no_link_of_this_site(html):
    assert whole(html) == html


@pytest.mark.parametrize(
    "piece",
    [
        "<a",
        '<a "',
        '<a href="',
        "<a href='/",
        "<a =\"'",
        "<a href   ",
        " href=/ =",
        "<a = ",
    ],
)
@pytest.mark.parametrize("begin", ["", "<a "])
def test_it_is_linear(begin, piece):
    """A tenth of a second as a rule; a minute if each piece were read to the end."""
    html = begin + piece * 50_000
    began = time.process_time()
    whole(html)
    assert time.process_time() - began < 4
