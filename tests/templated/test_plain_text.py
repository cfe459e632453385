"""HTML and the text that comes of it: blocks, lists, quotes, spaces, lines."""

from __future__ import annotations

import pytest

from django_mailplus.templated.plain_text import html_to_text

BLOCKS = {
    "paragraphs": ("<p>One</p><p>Two</p>", "One\n\nTwo"),
    "headings": (
        "<p>Before</p><h1>Title</h1>After<h3>Less</h3>",
        "Before\n\nTitle\n\nAfter\n\nLess",
    ),
    "lines": ("<div>One</div><div>Two<br>Three</div>", "One\nTwo\nThree"),
    "breaks": ("One<br><br>Two<br><br><br><br>Three<br>", "One\n\nTwo\n\nThree"),
    "break of its own": ("<div>One</div><br><div>Two</div>", "One\n\nTwo"),
    "no emphasis": ("<p>So <b>bold</b>, <i>so</i> true</p>", "So bold, so true"),
    "inline tags do not part": ("<p>H<sub>2</sub>O<wbr>k</p>", "H2Ok"),
    "unknown tags": ("<x-card>One <blink>two</blink></x-card>", "One two"),
    "rule": ("One<hr>Two", f"One\n\n{'-' * 72}\n\nTwo"),
    "quotation marks": ("He said <q>no</q>.", 'He said "no".'),
    "definitions": (
        "<dl><dt>Fan<dd>Turns</dd><dt>Lamp</dt><dd>Shines</dl>End",
        "Fan\n    Turns\nLamp\n    Shines\n\nEnd",
    ),
    "as it stands": (
        "<pre>\n  a\n\tb  c\n\n\n<b>d</b> &gt;\n</pre>",
        "  a\n        b  c\n\n\nd >",
    ),
    "spaces at the ends of what stands": ("<pre> \n  a\xa0b&nbsp;\n \n</pre>", "  a b"),
    "no head tags": ("<title>T</title><body><p>Text", "Text"),
    "a head": ("<head><meta charset=utf-8><title>T</title></head>Text", "Text"),
    "image": ('<img src="x.png" alt="Our shop">Text', "Our shop Text"),
    "nothing": ("", ""),
}

LISTS = {
    "bullets": ("<ul><li>One</li><li>Two</li></ul>", "- One\n- Two"),
    "no end tags": ("<p>Do:<ul><li>One<li>Two</ul>Done", "Do:\n\n- One\n- Two\n\nDone"),
    "numbers": ("<ol><li>One<li>Two</ol>", "1. One\n2. Two"),
    "from a number": (
        "<ol start=9><li>A<li>B<li value=20>C<li>D</ol>",
        "9. A\n10. B\n20. C\n21. D",
    ),
    "backwards": ("<ol start=3 reversed><li>A<li>B</ol>", "3. A\n2. B"),
    "nested": (
        "<ul><li>A<ol><li>B<li>C</ol></li><li>D</ul>",
        "- A\n  1. B\n  2. C\n- D",
    ),
    "nothing but a list in an item": ("<ul><li><ul><li>A</ul></ul>", "- - A"),
    "paragraphs": (
        "<ul><li><p>A</p><p>B</p></li><li><p>C</p></li></ul>",
        "- A\n\n  B\n\n- C",
    ),
    "empty item": ("<ul><li></li><li>A</li></ul>", "- A"),
    "no list": ("<li>A</li>", "- A"),
    "long": (
        f"<ol><li>{'word ' * 16}</ol>",
        f"1. {'word ' * 13}word\n   word word",
    ),
    "quote": (
        "<p>He wrote:</p><blockquote><p>One</p><p>Two</p></blockquote><p>So.</p>",
        "He wrote:\n\n> One\n>\n> Two\n\nSo.",
    ),
    "quote in a quote": (
        "<blockquote>A<blockquote>B</blockquote>C</blockquote>",
        "> A\n>\n>> B\n>\n> C",
    ),
    "list in a quote": (
        "<blockquote><ul><li>A<li>B</ul></blockquote>",
        "> - A\n> - B",
    ),
}

SPACES = {
    "in one": ("<p>  One \n\t two\f </p>", "One two"),
    "entities": ("O&#39;Hara &amp; Co &lt;3 &eacute; &#x1F600;", "O'Hara & Co <3 é 😀"),
    "half an entity": (
        "AT&T &copy 2 &nosuch; &#; &#x; & &am",
        "AT&T © 2 &nosuch; &#; &#x; & &am",
    ),
    "not decoded twice": ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
    "no-break": ("<p>10&nbsp;kg &nbsp; net&nbsp;&nbsp;</p>", "10 kg net"),
    "only no-break": ("<p>A</p><p>&nbsp;</p><p>B</p>", "A\n\nB"),
    "filler": (
        "<p>Hi&#847;&zwnj;&nbsp;&#8199;&shy;&#847;&zwnj;&nbsp;&#65279;&#8203; there</p>",
        "Hi there",
    ),
    "soft hyphens": ("Donau&shy;dampf&shy;schiff", "Donaudampfschiff"),
    "emoji stay whole": ("👨‍👩‍👧 ❤️‍🔥 🏳️‍🌈 👩🏽‍💻", "👨‍👩‍👧 ❤️‍🔥 🏳️‍🌈 👩🏽‍💻"),
    "spelling of Persian and Hindi": ("می‌خواهم क्‍ष", "می‌خواهم क्‍ष"),
    "joiners that join nothing": ("a\u200db \u200d👍\u200d \u200c\u200c", "ab 👍"),
    "two directions": (
        "שלום \u200fabc\u200e \u2067x\u2069",
        "שלום \u200fabc\u200e \u2067x\u2069",
    ),
    "controls": ("a\x00b\x1b[31mc\x07\x9b\ud800", "ab[31mc"),
}


@pytest.mark.parametrize(("html", "text"), BLOCKS.values(), ids=BLOCKS)
def test_blocks(html, text):
    assert html_to_text(html) == text


@pytest.mark.parametrize(("html", "text"), LISTS.values(), ids=LISTS)
def test_lists_and_quotes(html, text):
    assert html_to_text(html) == text


@pytest.mark.parametrize(("html", "text"), SPACES.values(), ids=SPACES)
def test_spaces_and_characters(html, text):
    assert html_to_text(html) == text


def test_lines_are_as_wide_as_asked():
    text = html_to_text(f"<p>{'word ' * 20}</p>", width=24)
    assert text.splitlines() == ["word word word word word"] * 4


def test_wide_characters_count_twice():
    assert html_to_text("茶茶 茶茶 茶茶 ab", width=21) == "茶茶 茶茶 茶茶 ab"
    assert html_to_text("日本語のテキストは、長い。" * 2, width=24) == (
        "日本語のテキストは、長\nい。日本語のテキストは、\n長い。"
    )
    family = "👨‍👩‍👧"  # two columns
    assert (
        html_to_text(f"{family} " * 9, width=20)
        == f"{' '.join([family] * 7)[:]}\n{family} {family}"
    )


def test_accents_that_combine_take_no_column():
    word = "e\u0301" * 5
    assert html_to_text(f"{word} {word} {word} {word}", width=23) == (
        f"{word} {word} {word} {word}"
    )


def test_no_line_ends_at_a_no_break_space():
    assert html_to_text("aaaa bbbb cccc 10&nbsp;kilograms", width=20) == (
        "aaaa bbbb cccc\n10 kilograms"
    )


@pytest.mark.parametrize("width", range(20, 40))
def test_no_wrapped_line_looks_like_a_quote_or_a_new_mail(width):
    text = html_to_text(
        "<p>Trains go From here, From now on: 5 &gt; 3 &gt; 2.</p>", width=width
    )
    assert not any(line.startswith((">", "From ", " ")) for line in text.splitlines())
    assert " ".join(text.split()) == "Trains go From here, From now on: 5 > 3 > 2."
    assert max(map(len, text.splitlines())) <= width


def test_a_paragraph_that_looks_like_one_is_stuffed_as_rfc_3676_says():
    assert html_to_text("<p>&gt; 5</p><p>From Berlin</p>") == " > 5\n\n From Berlin"


def test_the_signature_mark_ends_in_no_space():
    assert html_to_text("<div>--&nbsp;</div><div>Anna</div>") == "--\nAnna"
