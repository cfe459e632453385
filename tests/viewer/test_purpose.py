"""The code or the link that a mail was sent for."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.viewer import codes_in, links_in, main_link, view


def seen(text=None, html=None, subject="Hello"):
    message = EmailMessage()
    message["Subject"] = subject
    if text is not None:
        message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return view(message.as_bytes())


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Or type this code: 123456", ("123456",)),
        ("Type this code:\n\n  482 913\n\nIt works for 15 minutes.", ("482913",)),
        ("Your code is 4829. Tell it to nobody.", ("4829",)),
        ("482913 is your verification code", ("482913",)),
        ("Hello Ann,\n\n739201\n\nBye", ("739201",)),
        ("Ihr Anmelde-Code: 77812345", ("77812345",)),
        ("Su código: 123456 y su codigo: 654321", ("123456", "654321")),
        ("Twój kod to 918273", ("918273",)),
        ("Your backup code: ABCD-1234", ("ABCD1234",)),
        ("Code: G7X9Q2", ("G7X9Q2",)),
        ("Your PIN: 2048", ("2048",)),
        ("Your code: 482 913, good until Nov. 22, 2026, 5 p.m.", ("482913",)),
        ("code 123456\nagain: code 123456", ("123456",)),
        ("Type this code:\nABCDEFGH", ()),
    ],
)
def test_codes_are_found_as_they_are_typed(text, codes):
    assert codes_in(seen(text)) == codes


@pytest.mark.parametrize(
    "text",
    [
        "Your order 123456 is on its way.",
        "Order no. 98765, code of conduct enclosed.",
        "It costs 1234.50 or 1500 € with this code.",
        "Since 2024 we ask for no code.",
        "On 2026-11-22 at 12:30 somebody asked for a code.",
        "Call +49 30 1234567 if the code does not come.",
        "https://shop.example.com/code/123456",
        "Write to code123456@example.com",
        "The code is in the attachment of 1024x768 pixels.",
        "Nobody at number 123456 said anything of it.",
        "",
    ],
)
def test_other_numbers_are_no_codes(text):
    assert codes_in(seen(text)) == ()


def test_the_subject_has_codes_and_so_has_html_alone():
    assert codes_in(seen("Hello", subject="551234 is your code")) == ("551234",)
    html = "<style>p{color:#123456}</style><p>Your code</p><td><b>551 234</b></td>"
    assert codes_in(seen(html=html)) == ("551234",)
    assert codes_in(seen("Look at the other part.", html)) == ("551234",)


def urls(view):
    return [link.url for link in links_in(view)]


def test_links_are_those_of_the_html_with_what_stands_on_them():
    html = (
        "<a href='https://a.example/'><img alt='Logo'></a>"
        "<a href='https://a.example/x?a=1&amp;b=2' class='btn'>Buy <b>this</b></a>"
        "<a href='https://a.example/x?a=1&amp;b=2'>https://a.example/x</a>"
        "<a href='mailto:a@example.com'>us</a><a href='https://b.example'>open"
    )
    found = links_in(seen("https://text.example/", html))
    assert [(link.url, link.text, link.is_button) for link in found] == [
        ("https://a.example/", "Logo", False),
        ("https://a.example/x?a=1&b=2", "Buy this", True),
        ("https://b.example", "open", False),
    ]
    assert urls(seen("See https://text.example/.")) == ["https://text.example/"]


@pytest.mark.parametrize(
    ("html", "main"),
    [
        ("<a href='https://a.example'>Shop</a>", None),
        ("<a href='https://a.example/unsubscribe'>Stop</a>", None),
        (
            "<a href='https://a.example/'>Shop</a><a href='https://a.example/order/1'>Order</a>",
            "https://a.example/order/1",
        ),
        (
            "<a href='https://a.example/news'>News</a>"
            "<a href='https://a.example/verify/x'>This way</a>"
            "<a href='https://a.example/report/x'>This was not me</a>",
            "https://a.example/verify/x",
        ),
        (
            "<a href='https://a.example/p/1'>One</a>"
            "<a role=button href='https://a.example/p/2'>Two</a>",
            "https://a.example/p/2",
        ),
        (
            "<a href='https://a.example/p/1'>One</a><a href='https://a.example/p/2'>Two</a>",
            "https://a.example/p/1",
        ),
        (
            "<a class=btn href='https://a.example/?utm_source=mail'>Home</a>"
            "<a href='https://a.example/invoice/1'>View invoice</a>",
            "https://a.example/invoice/1",
        ),
        (
            "<a href='https://a.example/'><img alt='Logo'></a>"
            "<a class=btn href='https://app.a.example/'>Get started</a>",
            "https://app.a.example/",
        ),
        (
            "<a href='https://a.example/blog'>Blog</a>"
            "<a class=btn href='https://app.a.example/'>Log in</a>",
            "https://app.a.example/",
        ),
        ("<a href='https://app.a.example/'>Log in</a>", "https://app.a.example/"),
        ("<a class=btn href='https://a.example/cancel/confirm'>Cancel</a>", None),
        ("<a href='https://a.example/p/1'></a>", None),
        ("no link", None),
    ],
)
def test_the_main_link_is_the_one_that_everybody_opens(html, main):
    link = main_link(seen(html=html))
    assert (link and link.url) == main


def test_a_text_with_one_link_is_for_that_link():
    text = "Confirm: https://a.example/verify/MQ/abc-1\nNot you? https://a.example/report/1"
    assert main_link(seen(text)).url == "https://a.example/verify/MQ/abc-1"


@given(st.text(), st.text())
def test_no_mail_raises(text, html):
    message = seen(text.replace("\r", ""), f"<p>{html}</p>".replace("\r", ""))
    codes_in(message)
    main_link(message)


def test_a_page_of_many_links_and_numbers_takes_no_time():
    html = "<p>code 1234 " * 20_000 + "<a href='https://a.example/x'>Open" * 20_000
    message = seen(html=html)
    assert len(codes_in(message)) == 1
    assert main_link(message).url == "https://a.example/x"


def test_a_run_of_characters_without_end_costs_no_time():
    """Twice as long is twice the work: a quadratic search would take minutes."""
    for run in ("W", "z", "1", "a.b"):
        assert codes_in(seen(f"{run * 60_000} code: 482913")) == ("482913",)
