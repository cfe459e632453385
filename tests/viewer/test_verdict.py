"""What is said of mails."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.viewer.verdict import Verdict, verdict

PNG = b"\x89PNG\r\n\x1a\n"


def letter(html="<p>Hello</p>", text="Hello", image=None, **headers) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = headers.pop("subject", "Hello")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    if text is not None:
        message.set_content(text)
        message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    if image is not None:
        page = message.get_payload()[1]
        page.add_related(PNG, "image", "png", cid=image, disposition="inline")
    return message


def told(message, *names) -> list[str]:
    """The findings that are not good, but for that of the clients; or those of some names."""
    return [
        f"{finding.level} {finding.label}"
        for finding in verdict(message.as_bytes()).findings
        if finding.name in names
        or (not names and finding.level != "good" and finding.name != "support")
    ]


def details(message, name) -> tuple[str, ...]:
    return tuple(
        detail
        for finding in verdict(message.as_bytes()).findings
        if finding.name == name
        for detail in finding.details
    )


def test_a_good_mail_in_a_strip():
    message = letter(
        '<p>Hello <a href="https://e.com/a?b=1&amp;c=2">there</a></p>',
        "Hello, https://e.com/a?b=1&c=2",
        List_Unsubscribe="<https://e.com/leave>",
        List_Unsubscribe_Post="List-Unsubscribe=One-Click",
    )
    found = verdict(message.as_bytes())
    assert [(f.name, f.level, f.label) for f in found.findings] == [
        ("support", "good", f"HTML {found.support.score} %"),
        ("text", "good", "text ok"),
        ("links", "good", "1 link"),
        ("unsubscribe", "good", "unsubscribe ok"),
        ("size", "good", "590 bytes"),
    ]
    assert found.level == "good"
    assert found.support.score > 95
    assert details(message, "links") == ("https://e.com/a?b=1&c=2",)


LINK = '<a href="{}">x</a>'


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"subject": ""}, ["bad no subject"]),
        ({"subject": " \t"}, ["bad no subject"]),
        ({"text": None}, ["hint no text"]),
        ({"text": " \n"}, ["hint no text"]),
        ({"html": LINK.format("https://e.com/x")}, ["hint text differs"]),
        ({"html": LINK.format("https://E.com/x/"), "text": "https://e.com/x"}, []),
        ({"html": LINK.format("mailto:a@b.c") + LINK.format("#x")}, []),
        ({"html": LINK.format("")}, ["bad 1 empty link"]),
        ({"html": LINK.format("/x") * 2}, ["bad 2 relative links"]),
        ({"html": LINK.format(" java&#9;script:x")}, ["bad 1 script link"]),
        ({"html": LINK.format("http://e.com"), "text": "http://e.com"}, ["hint 1 plain http link"]),
        ({"html": "<a name=x></a>"}, []),
        ({"html": "<img src='https://e.com/x'>"}, ["hint 1 without alt"]),
        ({"html": "<img alt src='https://e.com/x'><img alt='A cat'>"}, []),
        ({"html": "<script>x</script>"}, ["bad script"]),
        ({"html": "<p style='color:;top:1px'>"}, ["hint empty style"]),
        ({"html": "<p>x" * 30_000}, ["bad 123.5 kB"]),
        ({"Precedence": "bulk"}, ["bad no unsubscribe"]),
        ({"List_Id": "<x.e.com>"}, ["bad no unsubscribe"]),
        ({"List_Unsubscribe": "https://e.com"}, ["bad unsubscribe broken"]),
        ({"List_Unsubscribe": "<https://e.com>"}, ["hint no one-click"]),
        ({"List_Unsubscribe": "<mailto:a@e.com>", "Precedence": "list"}, []),
        (
            {
                "List_Unsubscribe": "<http://e.com>",
                "List_Unsubscribe_Post": "List-Unsubscribe=One-Click",
            },
            ["bad unsubscribe broken"],
        ),
    ],
)  # fmt: skip
def test_what_is_not_good(options, said):
    assert told(letter(**options)) == said


@pytest.mark.parametrize(
    "left",
    [
        "{{ user.name }}",
        "{% if x %}",
        "%(name)s",
        "${name}",
        "<%= name %>",
        "[object Object]",
        "Dear None,",
        "https://e.com/None/",
        "https://e.com/?user=undefined",
        "https://e.com/%7B%7Btoken%7D%7D",
        "<QuerySet [1, 2]>",
        "<shop.models.Order object at 0x7f00>",
    ],
)
def test_placeholders(left):
    assert told(letter(text=f"Now {left} then"), "placeholders") == ["bad placeholder"]
    assert told(letter(subject=f"Now {left} then"), "placeholders")
    html = left.replace("<", "&lt;").replace(">", "&gt;")
    assert told(letter(html=f"<b>{html}</b>"), "placeholders") == ["bad placeholder"]


@pytest.mark.parametrize(
    "text",
    ["None of us", "Is it None?", "100% (all)s", "a { b } c", "5 %", "$5", "Hi Noneto"],
)
def test_words_that_are_no_placeholders(text):
    assert told(letter(html=f"<style>a{{b{{}}}}</style><p>{text}", text=text)) == []


def test_images_of_the_mail_itself():
    shown = "<img alt='' src='cid:logo%40x.inline'>"
    assert told(letter(shown, image="<Logo@x.inline>"), "images") == []
    assert told(letter(shown), "images") == ["bad image missing"]
    assert details(letter(shown), "images") == ("logo@x.inline",)
    assert told(letter(image="<logo@x.inline>"), "images") == ["hint image unused"]
    css = "<p style='background: url(cid:logo@x.inline)'>"
    assert told(letter(css, image="<logo@x.inline>"), "images") == []


def test_images_that_stand_apart_as_django_puts_them():
    message = letter("<img alt='' src='cid:logo@x.inline'>")
    message.add_attachment(
        PNG, "image", "png", cid="<logo@x.inline>", disposition="inline"
    )
    assert told(message, "images") == ["hint images apart"]


def test_a_mail_of_text_alone():
    message = EmailMessage()
    message["Subject"] = "Hello"
    message.set_content("See https://e.com")
    found = verdict(message.as_bytes())
    assert found.support is None
    assert [finding.label for finding in found.findings] == [
        "text ok",
        "1 link",
        "126 bytes",
    ]


def test_the_worst_is_the_level_of_all():
    assert verdict(letter(subject="").as_bytes()).level == "bad"
    assert verdict(letter(text=None).as_bytes()).level == "hint"


def test_details_are_few_short_and_clean():
    html = "".join(f'<a href="/{n}\x1b[31m{"x" * 300}">x</a>' for n in range(50))
    found = details(letter(html), "links")
    assert len(found) == 20
    assert max(map(len, found)) == 200
    assert "\x1b" not in "".join(found)


@given(st.binary(max_size=300))
def test_there_is_a_verdict_of_any_bytes(raw):
    assert isinstance(verdict(raw), Verdict)


@given(st.text())
def test_there_is_a_verdict_of_any_page(html):
    raw = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    assert isinstance(verdict(raw + html.encode()), Verdict)


SLOPPY = letter(
    """<!doctype html><style>.a > b { display: flex; color: }</style>
<p>Dear None, <a href="http://e.com/{{ token }}">confirm</a> <a href="/leave">leave</a>
<img src="cid:logo@x.inline"><script>track()</script>""",
    text="Dear None",
    subject="",
    Precedence="bulk",
)


def test_a_sloppy_mail_in_plain_words():
    """The golden file holds all that is said; but of the clients, which change."""
    lines = [
        f"{finding.level} | {finding.label} | {finding.text}"
        + "".join(f"\n  {detail}" for detail in finding.details)
        for finding in verdict(SLOPPY.as_bytes()).findings
        if finding.name != "support"
    ]
    golden = Path(__file__).with_name("sloppy_mail.txt").read_text(encoding="utf-8")
    assert "\n".join(lines) + "\n" == golden
