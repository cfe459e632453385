"""What no reader of the mail sees is not in the text either."""

from __future__ import annotations

import pytest

from django_mailplus.templated.plain_text import html_to_text

HIDDEN = {
    "style and script": "<style>p > a { b }</style><script>if (1 < 2) '<p>x'</script>",
    "comment": "<!-- x <p>y</p> -- > z --><!--><!-- a --!>",
    "title": "<head><title>a <b>title</title></head>",
    "for Outlook": "<!--[if mso]><table><tr><td>x</td></tr></table><![endif]-->",
    "for Outlook, nested": "<!--[if (gte mso 9)|(IE)]><p>x</p><!--[if x]>y<![endif]-->",
    "display": '<div style="color:red; Display : none !important">x<div>y</div>z</div>',
    "visibility": '<span style="visibility:hidden">x</span>',
    "hidden": "<p hidden>x <b>y</b></p>",
    "mso-hide": '<div style="mso-hide:all">x</div>',
    "no height": '<div style="max-height:0px;overflow:hidden">x</div>',
    "no letters": '<div style="overflow:hidden;line-height:1px;font-size:0">x</div>',
    "decoration": '<span aria-hidden="true">x</span>',
    "template, drawing, object": "<template>x</template><svg><text>y</text><title>z</title></svg><object>o</object>",
    "image without a word": '<img src="x.png">',
    "decorative image": '<img src="x.png" alt=""><img src="y.png" alt="y" role="presentation">',
    "pixel": '<img src="x" alt="x" width="1" height="1"><img src="y" alt="y" style="height:1px">',
    "hidden image": '<img src="x" alt="x" style="display:none">',
    "link that is hidden": '<a href="https://x.example" style="display:none">x</a>',
    "empty and hidden": '<div style="display:none"/>',
    "processing instruction": '<?xml version="1.0"?><!DOCTYPE html [<!ENTITY x "y">',
    "settings of Word": "<xml><o:OfficeDocumentSettings>96</o:OfficeDocumentSettings></xml>",
}

SHOWN = {
    "for all but Outlook": ("<!--[if !mso]><!--><p>x</p><!--<![endif]-->", "x"),
    "the other notation": ("<![if !mso]><p>x</p><![endif]>", "x"),
    "height without a cut": ('<div style="max-height:0">x</div>', "x"),
    "some height": ('<div style="max-height:0.5em;overflow:hidden">x</div>', "x"),
    "other properties": ('<p style="x-display:none;display:none-such;">x</p>', "x"),
    "not hidden": ('<p aria-hidden="false">x</p>', "x"),
    "noscript": ("<noscript>x</noscript>", "x"),
    "hidden item without an end": (
        "<ul><li hidden>a<ul><li>b</ul><li>c</ul>d",
        "- c\n\nd",
    ),
    "hidden paragraph without an end": ("<div><p hidden>a <b>b</b></div>c", "c"),
    "hidden cell": (
        "<table><tr><td hidden>a<table><tr><td>b</table><td>c</table>d",
        "c\n\nd",
    ),
    "hidden row": ("<table><tr hidden><td>a<tr><td>b</table>", "b"),
    "within a hidden one of its kind": ("<div hidden><div>a</div>b</div>c", "c"),
    "style that never ends": ("a<style>b", "a"),
    "comment that never ends": ("a<!-- b", "a"),
}


@pytest.mark.parametrize("html", HIDDEN.values(), ids=HIDDEN)
def test_hidden(html):
    assert html_to_text(f"<p>a</p>{html}<p>c</p>") == "a\n\nc"


@pytest.mark.parametrize(("html", "text"), SHOWN.values(), ids=SHOWN)
def test_shown(html, text):
    assert html_to_text(html) == text
