"""Links in the text: the URL is kept, whole, and once."""

from __future__ import annotations

import pytest

from django_mailplus.templated.plain_text import html_to_text

URL = "https://shop.example/o?a=1&b=2"
HREF = "https://shop.example/o?a=1&amp;b=2"

LINKS = {
    "in a sentence": (
        f'<p>See <a href="{HREF}">our terms</a>. Thanks.</p>',
        f"See our terms ({URL}). Thanks.",
    ),
    "two in a row": (
        '<p><a href="https://a.example">A</a> <a href="https://b.example">B</a></p>',
        "A (https://a.example) B (https://b.example)",
    ),
    "a button": (
        f'<p>Hi</p><p> <a href="{HREF}">\n Confirm </a> </p>',
        f"Hi\n\nConfirm:\n{URL}",
    ),
    "a button that asks": (
        f'<p><a href="{HREF}">Was it you?</a></p>',
        f"Was it you?\n{URL}",
    ),
    "in a list": (f'<ul><li><a href="{HREF}">Terms</a></ul>', f"- Terms:\n  {URL}"),
    "round a block": (f'<a href="{HREF}"><div>Confirm</div></a>', f"Confirm:\n{URL}"),
    "round a table": (
        f'<a href="{HREF}"><table><tr><td>Confirm</td></tr></table></a>',
        f"Confirm:\n{URL}",
    ),
    "round two blocks": (
        f'<a href="{HREF}"><h2>Lamp</h2><p>It shines.</p></a>',
        f"Lamp\n\nIt shines.\n{URL}",
    ),
    "says its URL": (f'Go to <a href="{HREF}">{HREF}</a>.', f"Go to {URL}."),
    "says its host": (
        '<a href="https://www.shop.example/">shop.example</a>',
        "https://www.shop.example/",
    ),
    "mail": (
        '<a href="mailto:a@b.example?subject=Hi">Ask us</a> now',
        "Ask us (a@b.example) now",
    ),
    "mail that says so": (
        '<a href="mailto:a%2Bx@b.example">a+x@b.example</a>',
        "a+x@b.example",
    ),
    "telephone": ('Call <a href="tel:+4930123">us</a>', "Call us (+4930123)"),
    "telephone that says so": ('<a href="tel:+4930123">+49 30 123</a>', "+49 30 123"),
    "anchor": ('<a href="#top">Top</a> <a name="x">x</a> <a href="">y</a>', "Top x y"),
    "script": ('<a href=" JavaScript:alert(1)">A</a> <a href="data:,x">B</a>', "A B"),
    "script with a newline": ('<a href="java\nscript:alert(1)">A</a>', "A"),
    "image": (f'<a href="{HREF}"><img src="x" alt="Shop"></a>', f"Shop:\n{URL}"),
    "image without a word": (
        f'Us: <a href="{HREF}"><img src="x" alt=""></a>',
        f"Us: {URL}",
    ),
    "nothing in it": (f'Us<a href="{HREF}"></a><a href="{HREF}"> </a>', "Us"),
    "image map": (f'<map><area href="{HREF}" alt="Shop"></map> ok', f"Shop ({URL}) ok"),
    "spaces": (
        'x <a href=" https://a.example/b c\n d ">A</a>',
        "x A (https://a.example/b%20c%20d)",
    ),
    "no end": (f'<p>See <a href="{HREF}">terms', f"See terms ({URL})"),
    "link in a link": (
        '<p>x <a href="https://a.example">A <a href="https://b.example">B</a></p>',
        "x A (https://a.example) B (https://b.example)",
    ),
    "no spaces in Japanese": (
        'はい<a href="https://a.example">これ</a>です<a href="https://b.example">b.example</a>です',
        "はいこれ (https://a.example) です https://b.example です",
    ),
    "entities in the URL": (
        'x <a href="https://a.example/?q=&quot;&amp;amp;&quot;">A</a>',
        'x A (https://a.example/?q="&amp;")',
    ),
}


@pytest.mark.parametrize(("html", "text"), LINKS.values(), ids=LINKS)
def test_links(html, text):
    assert html_to_text(html) == text


@pytest.mark.parametrize("before", range(60, 75))
def test_no_url_is_broken_or_wrapped(before):
    url = "https://shop.example/confirm-this-address/" + "a-b/" * 40
    sentence = html_to_text(f'<p>{"x" * before} <a href="{url}">here</a> and so on</p>')
    assert any(f"({url})" in line for line in sentence.splitlines())
    button = html_to_text(f'<ul><li><p><a href="{url}">Go</a></p></ul>')
    assert button.splitlines() == ["- Go:", f"  {url}"]


def test_mail_addresses_bring_no_line_ends_or_controls():
    text = html_to_text('<p>x <a href="mailto:a%0D%0ABcc:%01%00%C2%A0b">us</a></p>')
    assert text.isprintable()
