"""HTML of a stranger, made harmless and else left as it is."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_mailplus.viewer.frame import FrameDocument, frame_document, frame_headers
from django_mailplus.viewer.images import raster_type
from django_mailplus.viewer.markup import attributes, tokens

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 4
PNG_URL = "data:image/png;base64,iVBORw0KGgpwaXhlbHNwaXhlbHNwaXhlbHNwaXhlbHM="
BASE = '<base target="_blank">'


def frame(html: str, **options) -> FrameDocument:
    raw = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + html.encode()
    return frame_document(raw, **options)


def page(html: str, **options) -> str:
    return frame(html, **options).html.removeprefix(BASE)


def related(html: str, data: bytes = PNG, cid: str = "<Logo.1@x.inline>") -> bytes:
    message = EmailMessage()
    message.set_content("Words")
    message.add_alternative(html, subtype="html")
    message.get_payload()[1].add_related(data, "image", "png", cid=cid)
    return message.as_bytes()


@pytest.mark.parametrize(
    "html",
    [
        "<p class=a title='b'>1 &amp; 2 &nbsp; &lt;",
        "<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->",
        "<![if !mso]>x<![endif]>",
        "<STYLE media=screen>a > b { color : red }</STYLE>",
        '<img src="data:image/gif;base64,R0lGOD" alt="">',
        "<title>a</title>",
        '<meta name="viewport" content="width=device-width">',
        "<v:rect xmlns:v='urn:x' fill=t><o:p></o:p></v:rect>",
        "</ p></>x<?xml version='1.0'?>",
        "<td bgcolor=#fff width=50%>",
        "Größe ✓",
    ],
)
def test_what_is_harmless_stays_as_it_is(html):
    found = frame(html)
    assert found.html.replace(BASE, "") == html
    assert (found.remote_hosts, found.blocked) == ((), 0)


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("a<script>alert(1)</script>b", "ab"),
        ("a<ScRiPt/x>alert(1)</script foo>b", "ab"),
        ("a<script>alert(1)", "a"),
        (
            "<<script></script>img src=x onerror=alert(1)>",
            "&lt;img src=x onerror=alert(1)>",
        ),
        ("<iframe src=//e><b></iframe>b", "b"),
        ("<noframes><b></noframes>b", "b"),
        ("<object data=x><b>old</b></object>", "<b>old</b>"),
        ("<embed src=x>b", "b"),
        ('<base href="//e">b', "b"),
        ('<META HTTP-EQUIV="&#82;efresh" content="0;url=//e">b', "b"),
        ('<meta http-equiv="Content-Security-Policy" content="img-src *">b', "b"),
        ('<meta name="referrer" content="unsafe-url">b', "b"),
        ('<link rel="dns-prefetch" href="//e">b', "b"),
        ("<frameset><frame src=//e></frameset>b", "b"),
        ("<noscript><p></noscript>b", "<p>b"),
        ("<xmp><b></xmp>b", "<pre>&lt;b></pre>b"),
        ("<plaintext><b>", "<pre>&lt;b></pre>"),
        ("<textarea><b>", "<textarea>&lt;b></textarea>"),
        ("<svg><circle r=1></svg>", "<circle r=1>"),
        ("<svg><![CDATA[><a title=']]>", ""),
        ("<style><!-- a{} --></style>", "<style> a{} --></style>"),
        ("<style><img onerror=x></style>", "<style>< img onerror=x></style>"),
        ("<style></\u017ftyle><b>", "<style>< /\u017ftyle>< b></style>"),
        ("<b a='", ""),
        ("x<!-- y", "x"),
    ],
)
def test_elements(html, kept):
    assert page(html) == kept


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<b onclick=x>", "<b>"),
        ("<b/OnClick='x'/id=i>", '<b id="i">'),
        ("<b x onclick=''=y>", "<b x>"),  # never x=y
        ("<form action=//e method=post>", '<form method="post">'),
        ("<button formaction=//e>", "<button>"),
        ("<input autofocus>", "<input>"),
        ("<video src=//e/v poster=//e/p controls>", '<video poster="data:," controls>'),
        ("<img src=/x alt=a>", '<img alt="a">'),
        ("<img src=//e/x width=1>", '<img src="data:," width="1">'),
        (
            "<img srcset='//e/x 1x, http://e/y 2x'>",
            '<img srcset="data:, 1x, data:, 2x">',
        ),
        ("<td background=http:\\\\e\\x>", '<td background="data:,">'),
        (
            "<p style='color:red;background:url(\"//e/x\")'>",
            '<p style="color:red;background:url(&quot;data:,&quot;)">',
        ),
        ("<style>@import '//e/x;y' screen;b{}</style>", "<style>b{}</style>"),
        ("<style>@IMPORT url(//e?a;b);b{}</style>", "<style>b{}</style>"),
    ],
)
def test_attributes_and_styles(html, kept):
    assert page(html) == kept


REL = 'rel="noopener noreferrer"'


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("https://e.com/?a=1&copy=2", f'href="https://e.com/?a=1&copy=2" {REL}'),
        (" HTTP://e.com", f'href=" HTTP://e.com" {REL}'),
        ("//e.com", f'href="//e.com" {REL}'),
        ("mailto:a@b.c", f'href="mailto:a@b.c" {REL}'),
        ("#there", 'href="#there" target="_self"'),
        ("javascript:alert(1)", ""),
        ("\tjava\nscript:alert(1)", ""),
        ("&#1;JavaScript&colon;alert(1)", ""),
        ("&#x6A;avascript:alert(1)", ""),
        ("vbscript:x", ""),
        ("data:text/html,x", ""),
        ("blob:https://e.com/x", ""),
        ("file:///etc/passwd", ""),
        ("/logout", ""),
        ("?delete=1", ""),
        ("", ""),
    ],
)
def test_links(href, kept):
    found = frame(f'<a href="{href}" ping="//e" target=_top rel=opener id=i>x</a>')
    inside = f"{kept} " if kept else ""
    assert found.html.removeprefix(BASE) == f'<a {inside}id="i">x</a>'
    assert found.blocked == 1 + (not kept)


def test_hosts_each_once_in_the_order_of_the_page():
    found = frame(
        """<link rel=stylesheet href="https://a.com/x"><style>@import "//b.com";
        /* url(//no.com) */ p { background: url( 'http://c.com:80/x' ) }
        q { background: u\\72l(https://d.com) }</style>
        <img src="http://user:p@E.com/"><img srcset="//f.com/x 2x">
        <td background="//[::1]:8/x"><p style="background:url(//a.com)">
        <audio src="//g.com"></audio><a href="https://no.com">x</a>"""
    )
    assert found.remote_hosts == (
        *("a.com", "b.com", "c.com", "d.com", "e.com", "f.com", "[::1]", "g.com"),
    )
    assert found.blocked == 0


def test_remote_pictures_are_left_where_they_are_asked_for():
    html = """<img src="https://e.com/x"><p style="background:url(//e.com/y)">"""
    assert page(html, load_remote=True) == html


def test_the_head_comes_before_all_but_the_document_type():
    html = "\ufeff<!-- x -->\n<!DOCTYPE html>\n<html><head>"
    assert frame(html).html == html.replace("<html>", f"{BASE}<html>")


def test_inline_pictures_by_what_they_are_and_not_by_what_they_say():
    html = """<img src="cid:logo.1@x.inline"><img src="CID:Logo.1%40x.inline">
<p style="background: url(cid:Logo.1@x.inline)"><img src="cid:other">"""
    found = frame_document(related(html)).html
    assert found.count(PNG_URL) == 3
    assert f'<img src="{PNG_URL}">' in found
    assert f'style="background: url({PNG_URL})"' in found
    assert '<img src="cid:other">' in found
    svg = related(html, b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert "data:" not in frame_document(svg).html


def test_inline_pictures_have_a_limit_however_often_one_is_used():
    html = "<img src='cid:Logo.1@x.inline'>" * 100
    found = frame_document(related(html, PNG + b"x" * 1_000_000)).html
    assert found.count("data:image/png") == 7
    assert found.count("cid:") == 93


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF1234WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"RIFF1234WAVE", None),
        (b"<svg>", None),
        (b"", None),
    ],
)
def test_pictures_are_known_by_their_first_bytes(data, kind):
    assert raster_type(data) == kind


def test_a_mail_without_html_shows_its_text():
    raw = b"Content-Type: text/plain\r\n\r\nDear <b>Bob</b>\r\n  two"
    both = "<style>:root{color-scheme:light dark}</style>"
    pre = f'{both}<pre style="white-space:pre-wrap">'
    assert frame_document(raw).html == (
        f"<!doctype html>{BASE}{pre}Dear &lt;b&gt;Bob&lt;/b&gt;\n  two</pre>"
    )
    assert BASE in frame_document(b"").html


def test_a_scheme_answers_for_the_browser():
    html = """<style>@media ( Prefers-Color-Scheme : DARK ){b{}}
@media (prefers-color-scheme:light){c{}}</style><source media="(prefers-color-scheme: dark)">"""
    dark, light = frame(html, scheme="dark").html, frame(html, scheme="light").html
    assert "@media (min-width:0px){b{}}\n@media (max-width:0px){c{}}" in dark
    assert "@media (max-width:0px){b{}}\n@media (min-width:0px){c{}}" in light
    assert '<source media="(min-width:0px)">' in dark
    assert "{color-scheme:dark !important}" in dark
    assert frame(html).html == f"{BASE}{html}"


def test_a_page_that_knows_no_dark_is_shown_as_a_light_one():
    assert "color-scheme:light" in frame("<p>x", scheme="dark").html
    assert "invert(1)" in frame("<p>x", scheme="inverted").html


def test_a_huge_page_is_cut_and_says_so():
    found = frame("<b>x</b>" * 300_000).html
    assert 499_000 < len(found) < 501_000
    assert found.endswith("<p>The rest is left out.</p>")


def test_the_headers():
    headers = frame_headers(load_remote=False)
    assert headers["Content-Security-Policy"] == (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'"
    )
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = frame_headers(load_remote=True)["Content-Security-Policy"]
    assert "img-src data: https: http:;" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: text/html; charset=utf-16\r\n\r\n<b>\xff",
        b'Content-Type: text/html; charset="no such"\r\n\r\n<b>\xe9',
        b"Content-Type: multipart/related\r\n\r\n<b>no boundary</b>",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
        b"Content-Type: text/html\r\n\r\n<!DOCTYPE [<!ELEMENT <b>\x00\x1b[31m",
        b'Content-Type: image/png\r\nContent-ID: <%zz">\r\n\r\nx',
        b"\xff\xfe\x00",
    ],
)
def test_broken_mails_are_no_errors(raw):
    assert isinstance(frame_document(raw).html, str)


# What a reader that is careless about the past might read twice, or forget.
PIECES = st.sampled_from(
    [
        *(
            "<",
            ">",
            "</",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "'",
            '"',
            "=",
            "/",
            " ",
            "&lt;",
        ),
        *(
            "script",
            "style",
            "svg",
            "a href",
            "onerror",
            "javascript:",
            "title",
            "x",
            "\n",
        ),
        *(
            "<script>",
            "</script>",
            "<style>",
            "</style>",
            "<b ",
            "<img ",
            "<!",
            "<?",
            "\x00",
        ),
        *(
            "url(",
            "@import ",
            "cid:",
            "//e.com/",
            "<textarea>",
            "</textarea>",
            "<svg>",
            "`",
        ),
    ]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_rewritten_twice_it_is_the_same_and_nothing_active_is_left(html):
    once = frame(html).html
    for token in tokens(once):
        assert token.name not in ("script", "iframe", "object", "embed", "svg", "xmp")
        names = [name for name, _ in attributes(token) if token.kind == "start"]
        assert not any(name.startswith("on") for name in names)
    twice = frame(once).html
    assert twice.replace(BASE, "") == once.replace(BASE, "")


@given(st.text())
def test_any_page_is_cut_into_all_of_its_pieces(html):
    pieces = "".join(token.source for token in tokens(html))
    assert html.startswith(pieces)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<div>",
            "<",
            "<a ",
            '<a x="',
            "<!--",
            "&#",
            "<style>",
            "<style>url(",
            "</a x",
        ),
        *(
            "<style>/*",
            "<style>@import url(",
            "<style>@import '",
            '<style>@"//',
            "<a b=c ",
        ),
        *(
            "<style>@import ''{",
            "<style>(prefers-color-scheme",
            "color-scheme",
            "<p style='@(",
        ),
    ],
)
def test_time_grows_with_the_length_alone(piece):
    """Whatever tries each place again would be at it until the suite gives it up."""
    opening = "<style>" if piece.startswith("<style>") else ""
    repeated = piece.removeprefix(opening) or piece
    frame(opening + repeated * (2_000_000 // len(repeated)), scheme="dark")
