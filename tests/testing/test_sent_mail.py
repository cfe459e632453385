"""A mail as its reader has it, and what a reader does with it."""

from __future__ import annotations

import asyncio
import base64
import re
from email import message_from_bytes

import pytest
from django.core.mail import EmailMultiAlternatives
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import AsyncClient, Client
from django.urls import path

from django_mailplus.testing import SentMail, assert_parts_agree
from django_mailplus.viewer import mime

HTML = """<html><head><title>no</title></head><body><p>Your code is <b>482 913</b></p>
<a class="button" href="http://testserver/verify/MQ/?a=1&amp;b=2">Confirm the address</a>
<a href="http://testserver/unsubscribe/">Unsubscribe</a><img src="cid:leaf"></body></html>"""
TEXT = """Your code is 482 913

http://testserver/verify/MQ/?a=1&b=2
Unsubscribe: http://testserver/unsubscribe/
"""


def answer(request, **words):
    cookies = ",".join(sorted(request.COOKIES))
    return HttpResponse(
        f"{request.method} {request.build_absolute_uri()} {request.POST.dict()} {cookies}"
    )


def exempt(request):
    return answer(request)


exempt.csrf_exempt = True
urlpatterns = [
    path("verify/MQ/", answer),
    path("u/exempt/", exempt),
    path("u/guarded/", answer),
]


def message(text=TEXT, html=HTML, **options):
    mail = EmailMultiAlternatives(
        "Grüße, 世界",
        text,
        "Shop <shop@example.com>",
        ["Ann <ann@example.com>", "bob@example.com"],
        cc=["carol@example.com"],
        bcc=["Dave <dave@example.com>"],
        **options,
    )
    if html:
        mail.attach_alternative(html, "text/html")
    return mail


def test_it_is_read_as_it_left():
    sent = message(headers={"X-Order": "7"})
    sent.attach("ü.bin", b"\0\xff", "application/octet-stream")
    mail = SentMail.of(sent)
    assert mail.subject == "Grüße, 世界"
    assert mail.text == TEXT.rstrip()
    assert mail.html == HTML
    assert (mail.from_, mail.sender) == ("shop@example.com", "shop@example.com")
    assert mail.to == ["ann@example.com", "bob@example.com"]
    assert (mail.cc, mail.bcc) == (["carol@example.com"], ["dave@example.com"])
    assert len(mail.recipients) == 4
    assert mail.headers["x-order"] == "7"
    assert "bcc" not in mail.headers
    [attachment] = mail.attachments
    assert (attachment.filename, attachment.content) == ("ü.bin", b"\0\xff")
    assert mail.message is sent
    assert b"X-Order: 7\r\n" in mail.raw
    assert repr(mail).startswith("<SentMail 'Grüße, 世界' to ann@example.com, ")


def test_a_mail_is_read_once_for_all_its_attachments(monkeypatch):
    sent, read = message(), []
    for number in range(3):
        sent.attach(f"{number}.bin", bytes([number]), "application/octet-stream")
    mail = SentMail.of(sent)
    monkeypatch.setattr(
        mime,
        "message_from_bytes",
        lambda *args, **options: read.append(1) or message_from_bytes(*args, **options),
    )
    found = [(each.filename, each.content) for each in mail.attachments]
    assert found == [("0.bin", b"\0"), ("1.bin", b"\1"), ("2.bin", b"\2")]
    assert len(read) == 1


def test_names_of_people_have_commas_and_letters_of_all_languages():
    sent = message()
    sent.to = ['"Müller, Ann" <ann@example.com>', "Zoë <zoe@bücher.example>"]
    assert SentMail.of(sent).to == ["ann@example.com", "zoe@xn--bcher-kva.example"]
    raw = "To: Zoë <zoë@bücher.example>\r\n\r\n".encode()
    utf8 = SentMail(
        raw, sender="", recipients=("zoë@bücher.example", "bob@example.com")
    )
    assert (utf8.to, utf8.bcc) == (["zoë@bücher.example"], ["bob@example.com"])


def test_a_part_that_is_not_there_is_empty():
    assert SentMail.of(message(html=None)).html == ""


def test_links_are_found_by_text_or_address():
    mail = SentMail.of(message())
    verify, unsubscribe = mail.links()
    assert mail.link() == verify == "http://testserver/verify/MQ/?a=1&b=2"
    assert mail.link(text="confirm") == verify
    assert mail.link(text=re.compile("^Unsub")) == unsubscribe
    assert mail.link(pattern=r"/unsubscribe/$") == unsubscribe
    with pytest.raises(AssertionError) as error:
        mail.link(text="Log in", pattern="/x/")
    assert str(error.value) == (
        "link(text='Log in', pattern='/x/'): none fits in <SentMail 'Grüße, 世界' to "
        "ann@example.com, bob@example.com, carol@example.com, dave@example.com>. "
        "Its links (2):\n"
        "  Confirm the address: http://testserver/verify/MQ/?a=1&b=2\n"
        "  Unsubscribe: http://testserver/unsubscribe/"
    )
    with pytest.raises(AssertionError, match="2 fit"):
        mail.link(pattern="testserver")


def test_a_link_is_found_by_the_text_of_any_of_those_that_lead_there():
    html = """<a href="https://a.example/go"><img src="x" alt="Logo"></a>
<a href="https://a.example/go">Confirm</a> <a href="https://a.example/off">Off</a>"""
    mail = SentMail.of(message(html=html))
    assert mail.link(text="Confirm") == mail.link(text="Logo") == "https://a.example/go"
    assert mail.link(pattern="go$") == "https://a.example/go"
    with pytest.raises(
        AssertionError, match=r"(?s)none fits.*Logo: .*Confirm: .*Off: "
    ):
        mail.link(text="Log in")
    with pytest.raises(AssertionError, match="2 fit"):
        mail.link(pattern="a.example")


def test_a_link_without_a_host_is_named():
    html = (
        '<a class="button" href="/verify/?a=1">Confirm</a><a href="//a.example/">A</a>'
    )
    with pytest.raises(AssertionError) as error:
        SentMail.of(message(html=html)).link(text="Confirm")
    assert str(error.value).endswith(
        "Its links: nothing.\n"
        "Without a host a link of a mail leads nowhere: /verify/?a=1"
    )


def test_a_mail_without_a_code_is_shown():
    with pytest.raises(AssertionError) as error:
        SentMail.of(message("Hello,\n\nyour code: none\n", html=None)).code()
    assert str(error.value).endswith(
        "Its codes: nothing.\nIt says (2):\n  Hello,\n  your code: none"
    )


def test_a_pattern_finds_codes_in_the_html_alone_too():
    mail = SentMail.of(message("See the HTML", "<p>Your key: <b>x7f-kq</b></p>"))
    assert mail.code(pattern=r"key: (\S+)") == "x7f-kq"


def test_codes_are_found_as_they_are_typed():
    mail = SentMail.of(message())
    assert mail.code() == "482913"
    assert mail.code(pattern=r"code is (\d+)") == "482"
    assert mail.codes(pattern=r"\b\d\d\d\b") == ["482", "913"]
    with pytest.raises(
        AssertionError, match=r"(?s)code.pattern='x\+y'.: none fits .*\(1\):\n  482913"
    ):
        mail.code(pattern=re.compile("x+y"))


@pytest.mark.usefixtures("urls_of_this_file")
class TestClicking:
    def test_the_link_is_opened(self):
        response = SentMail.of(message()).click(Client(), text="Confirm")
        assert response.content.decode() == (
            "GET http://testserver/verify/MQ/?a=1&b=2 {} "
        )

    def test_an_async_client_opens_it_too(self):
        async def click():
            return await SentMail.of(message()).click(AsyncClient())

        assert asyncio.run(click()).content.startswith(b"GET http://testserver/verify/")

    def test_https_is_kept(self):
        mail = SentMail.of(message("https://testserver/verify/MQ/", html=None))
        said = mail.click(Client()).content
        assert said.startswith(b"GET https://testserver/verify/MQ/ ")

    def test_another_host_is_refused(self, settings):
        settings.MAILPLUS = {"BASE_URL": "https://shop.example.com"}
        mail = SentMail.of(message("https://evil.example/verify/MQ/", html=None))
        with pytest.raises(
            AssertionError,
            match=r"leads to 'evil.example', and not to this project .shop.example.com, testserver",
        ):
            mail.click(Client())

    def test_the_projects_own_host_is_opened_where_the_test_client_is(self, settings):
        settings.MAILPLUS = {"BASE_URL": "https://shop.example.com"}
        mail = SentMail.of(message("https://shop.example.com/verify/MQ/", html=None))
        said = mail.click(Client()).content
        assert said.startswith(b"GET https://testserver/verify/MQ/ ")
        settings.ALLOWED_HOSTS = [".example.com"]
        assert b"https://shop.example.com/verify" in mail.click(Client()).content

    def test_one_click_unsubscribes_as_a_provider_does(self, settings):
        settings.MIDDLEWARE = [f"{CsrfViewMiddleware.__module__}.CsrfViewMiddleware"]
        client = Client()
        client.cookies["sessionid"] = "mine"
        for page, status in (("exempt", 200), ("guarded", 403)):
            headers = {
                "List-Unsubscribe": f"<mailto:x@example.com>, <https://testserver/u/{page}/>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
            response = SentMail.of(message(headers=headers)).unsubscribe(client)
            assert response.status_code == status
            if status == 200:
                assert response.content.decode().split(" ", 2)[::2] == [
                    "POST",
                    "{'List-Unsubscribe': 'One-Click'} ",
                ]

    def test_without_the_headers_it_says_what_is_missing(self):
        with pytest.raises(AssertionError, match="List-Unsubscribe-Post is None"):
            SentMail.of(message()).unsubscribe(Client())


@pytest.fixture
def urls_of_this_file(settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": urlpatterns})


def test_it_is_shown_to_a_browser_with_its_images():
    class Page:
        def set_content(self, html):
            self.html = html

    sent = message()
    page = Page()
    from email.mime.image import MIMEImage

    image = MIMEImage(b"GIF89a", "gif")
    image["Content-ID"] = "<leaf>"
    if hasattr(sent, "_create_mime_attachment"):  # before Django 6.0
        sent.attach(image)
    else:
        from email.message import MIMEPart

        part = MIMEPart()
        part.set_content(b"GIF89a", "image", "gif", cid="<leaf>")
        sent.attach(part)
    SentMail.of(sent).open(page)
    data = base64.b64encode(b"GIF89a").decode()
    assert f'<img src="data:image/gif;base64,{data}">' in page.html
    SentMail.of(message("a <b> http://testserver/x", html=None)).open(page)
    assert page.html.startswith("<pre>a &lt;b&gt; <a href=")


def test_parts_that_agree():
    assert_parts_agree(SentMail.of(message()))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("https://shop.example/", '<a href="https://Shop.example">Shop</a>'),
        ("https://shop.example/?a=1", '<a href="https://shop.example?a=1">Shop</a>'),
        (
            "Your code: 4829",
            "<table><tr><td>4</td><td>8</td><td>2</td><td>9</td></tr></table>",
        ),
    ],
)
def test_parts_that_only_look_different(text, html):
    assert_parts_agree(SentMail.of(message(text, html)))


@pytest.mark.parametrize(
    ("text", "html", "problem"),
    [
        ("x", None, "  there is no HTML"),
        (TEXT.replace("verify", "v"), HTML, "  only in the HTML: http://testserver/v"),
        (
            TEXT.replace("482 913", "777 777"),
            HTML,
            "the code 777777 is not in the HTML",
        ),
        (
            "Your code: 4829",
            "<p>Your order 48291</p>",
            "the code 4829 is not in the HTML",
        ),
        (
            "See https://a.example/A",
            '<a href="https://a.example/a">a</a>',
            "only in the",
        ),
        (TEXT.replace("482 913", "there"), HTML, "the code 482913 is not in the text"),
    ],
)
def test_parts_that_differ(text, html, problem):
    with pytest.raises(
        AssertionError, match=r"The parts of <SentMail.*> differ"
    ) as error:
        assert_parts_agree(SentMail.of(message(text, html)))
    assert problem in str(error.value)
