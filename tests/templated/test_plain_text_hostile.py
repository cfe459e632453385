"""Whatever comes in: no error, no more time than its length is worth, and no URL lost."""

from __future__ import annotations

import html as entities
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from django_mailplus.templated.plain_text import html_to_text
from django_mailplus.widths import width_of

# Each is repeated to 400,000 characters; what takes the square of its length takes hours.
REPEATED = {
    "words": "word ",
    "one word": "a",
    "no space to break at": "日本",
    "joiners": "\u200d",
    "no-break spaces": "&nbsp; ",
    "accents": "\u0301 ",
    "quote marks": "> From ",
    "nothing": "\x00",
    "blocks": "<div>",
    "blocks with text": "<div>x",
    "paragraphs": "<p>x",
    "quotes": "<blockquote>x",
    "lists": "<ul><li>x",
    "definitions": "<dl><dt>x<dd>y",
    "tables": "<table><tr><td>x",
    "cells": "<td>x",
    "links": '<a href="http://x">y',
    "breaks": "<br>",
    "as it stands": "<pre>x\n",
    "hidden": "<p hidden>x<ul>",
    "drawings": "<svg><a>",
    "angle brackets": "<",
    "tags that never end": "<a b='",
    "other tags that never end": '<a b="c" ',
    "comments that never end": "<!--",
    "comments that nearly end": "<!-- --",
    "declarations": "<!",
    "sections": "<![x",
    "instructions": "<?",
    "ends": "</a",
    "styles": "<style",
    "styles that never end": "<style></styl",
    "entities": "&amp",
    "numbers of characters": "&#",
    "slashes": "<p / ",
}

ONCE = {
    "a comment of dashes": "<!--" + "-" * 400_000,
    "a tag of spaces": f"<p a{' ' * 400_000}>x",
    "a tag of attributes": f"<p {'a=b ' * 100_000}>x",
    "an unquoted tag": f"<p x='{'a>b ' * 100_000}",
    "a digit of a character": f"&#{'1' * 400_000};",
    "a hexadecimal one": f"&#x{'f' * 400_000};",
    "a height": f'<p style="overflow:hidden;max-height:{"0" * 400_000}x">x',
    "a URL": f'<a href="{"x " * 200_000}">y</a>',
    "wide and long table": f"<table><tr>{'<th>x' * 40_000}{'<tr><td>x' * 20_000}",
    "reaching cells": "<table><tr>"
    + "<td colspan=9999 rowspan=9999>x" * 6_000
    + "<tr><td>x" * 20_000,
    "tables in tables": "<table><tr><td>" * 13_000 + "<p>a" * 50_000,
    "ends of lists that are not open": "<ul>" * 50_000 + "</ol>" * 40_000,
}

WATCHED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
from django_mailplus.templated.plain_text import html_to_text
sys.stdout.write(str(len(html_to_text(sys.stdin.buffer.read().decode()))))
"""


def converted(html):
    """In a process of its own, that gets a minute: some hundred times what it needs."""
    return subprocess.run(
        [sys.executable, "-c", WATCHED],
        input=html.encode(),
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("part", REPEATED.values(), ids=REPEATED)
def test_time_grows_with_the_length_only(part):
    result = converted(part * (400_000 // len(part)))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("html", ONCE.values(), ids=ONCE)
def test_and_so_it_does_for_one_long_thing(html):
    result = converted(html)
    assert result.returncode == 0, result.stderr


def test_ten_thousand_nested_blocks():
    for tag in ("div", "table><tr><td", "blockquote", "span"):
        assert html_to_text(f"<{tag}>" * 10_000 + "Text").strip("> ") == "Text"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<b>b<p>c</i></div></p>d", "ab\n\nc\n\nd"),
        ("a < b and c > d", "a < b and c > d"),
        ('<a href="https://x.example>a</a> <p>b</p>', "a\n\nb"),
        ("a <b", "a"),
        ("a </", "a"),
        ("<p>a</p", "a"),
        ("<![foo[a]]>b<![if x]>c", "bc"),
        ("</ul></table></td></a></p>a", "a"),
        ("<table></table><table><tr></tr></table>a", "a"),
        ("<table><td><ul><li>a</table>b", "- a\n\nb"),
        ('<p class="a"b>c</p>', "c"),
        ("<P CLASS=a>b<BR/>c</P>", "b\nc"),
        ("<ol start=x><li value=99999999999999>a", "1. a"),
        ("<td colspan='\u0663'>a", "a"),
        ("&#99999999999;&#xD800;&#0;", "\ufffd\ufffd\ufffd"),
    ],
)
def test_broken_html(html, text):
    assert html_to_text(html) == text


TAGS = (
    "<p> </p> <div> </div> <br> <b> </b> <ul> <ol> <li> </li> </ul> </ol> <table> <tr> <td> <th>"
    " </td> </tr> </table> <a> </a> <pre> </pre> <blockquote> </blockquote> <dl> <dt> <dd> </dl>"
    " <hr> <q> <svg> </svg> <style> </style> <title> </title> <!-- --> <! <? > < </ & &#"
)
SOUP = st.lists(
    st.sampled_from(
        [
            *TAGS.split(), '<a href="https://x.example/">', "<p hidden>", '<td colspan="2">',
            '<td rowspan="3">', "<table role=none>", '<img alt="x">', "<a b='", "&nbsp;", "&zwnj;",
            "&#x1F600;", " ", "\n", "\x00", "\x01", "1.50", "word", "From", "日本", "e\u0301", "x" * 30,
            "<![", "<textarea>",
        ]
    )
    | st.text(max_size=8),
    max_size=60,
).map("".join)  # fmt: skip


@given(html=SOUP, width=st.integers(1, 90))
@example(html="<pre>0\xa0", width=1)
@example(html="<pre>\xa0\nx\n \n", width=72)
def test_anything_gives_a_text(html, width):
    text = html_to_text(html, width=width)
    assert not any(line != line.rstrip() for line in text.split("\n"))
    assert not text.startswith("\n")
    assert not text.endswith("\n")
    assert not set(text) & {"\x00", "\x01", "\x1b", "\r", "\u200b", "\ufeff", "\xad"}
    if "<pre" not in html:
        assert "\n\n\n" not in text
    text.encode()


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=40,
)
URLS = st.from_regex(
    r"https?://[a-z0-9-]{1,20}\.example/[a-zA-Z0-9/_~?=&%#.,;!'()+-]{0,90}",
    fullmatch=True,
)
WRAPPERS = st.sampled_from(
    [
        "{}", "<p>{}</p>", "<p>{}", "<div><div>{}</div></div>", "<ul><li>{}</ul>", "<ol><li>{}</li><li>x</ol>",
        "<blockquote>{}</blockquote>", "<h2>{}</h2>", "<table><tr><td>{}</td></tr></table>",
        "<table><tr><th>A<th>B<tr><td>{}<td>2</table>", "<table role=presentation><tr><td>{}<td>x</table>",
        "<pre>{}</pre>", "<b><i>{}</b></i>", "<dl><dt>x<dd>{}</dl>", "{}<br>", "x {} y", "<center>{}",
    ]
)  # fmt: skip


@st.composite
def links(draw):
    url = draw(URLS)
    text = entities.escape(draw(WORDS)) + "a"
    link = f'<a href="{entities.escape(url)}">{text}</a>'
    for wrapper in draw(st.lists(WRAPPERS, max_size=3)):
        link = wrapper.format(link) if draw(st.booleans()) else link
    return url, draw(WRAPPERS).format(link)


@given(found=st.lists(links(), min_size=1, max_size=5), width=st.integers(20, 90))
def test_every_link_is_in_the_text_unbroken(found, width):
    text = html_to_text("\n".join(html for _, html in found), width=width)
    for url, _ in found:
        assert url in text


@given(
    st.lists(st.text("abc日本 \u0301👍-", max_size=30), max_size=9), st.integers(20, 80)
)
def test_no_line_is_wider_than_asked_but_for_one_word(parts, width):
    for line in html_to_text("<p>" + "<br>".join(parts), width=width).split("\n"):
        assert width_of(line) <= width or " " not in line


@given(st.lists(st.text("abc ., ", max_size=60), max_size=6))
def test_a_text_of_paragraphs_stays_as_it_is(parts):
    text = html_to_text("".join(f"<p>{part}</p>" for part in parts))
    again = "".join(
        f"<p>{'<br>'.join(p.split(chr(10)))}</p>" for p in text.split("\n\n")
    )
    assert html_to_text(again) == text
