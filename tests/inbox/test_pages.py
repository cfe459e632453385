"""The pages of the inbox, without a browser."""

from __future__ import annotations

import pytest
from inbox_stage import PNG, letter, put, put_raw

from django_mailplus.compat import get_mailer
from django_mailplus.inbox.models import CaughtMail
from django_mailplus.inbox.searching import OPERATORS, examples, search
from django_mailplus.inbox.tabs import TABS
from django_mailplus.templated import Mail

pytestmark = pytest.mark.django_db


class Note(Mail):
    template = "note"


def shown(client, address):
    page = client.get(address)
    assert page.status_code == 200, address
    text = page.content.decode()
    assert "MISSING" not in text
    return text


def test_an_empty_inbox_says_where_mail_comes_from(developer, with_mailers):
    assert "default:inbox" in shown(developer, "/mail/")
    with_mailers(
        {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    )
    page = shown(developer, "/mail/")
    assert "django_mailplus.backends.inbox.EmailBackend" in page
    assert "What <code>manage.py runmailserver --inbox</code> gets" in page


def test_the_list_has_code_link_and_recipient_in_the_row(developer):
    put("Hi", "Your code: 482913\nhttps://shop.example.com/verify/x", to=["a/b@e.com"])
    page = shown(developer, "/mail/")
    assert 'data-copy="482913"' in page
    assert 'href="https://shop.example.com/verify/x" target="_blank"' in page
    assert 'href="/mail/to/a/b@e.com/"' in page
    assert "1 · 1 unread" in page


@pytest.mark.parametrize(
    "address", ["a/b@e.com", "/", "..", ".", " ", "ü@ü.de", "a b@c"]
)
def test_every_recipient_has_an_inbox(developer, address):
    put_raw(b"Subject: found\r\n\r\nx", address)
    put_raw(b"Subject: other\r\n\r\nx", "else@example.com")
    row = developer.get("/mail/").context["list"].rows[1]
    page = developer.get(row.to_url, follow=True).content.decode()
    assert "found" in page


@pytest.mark.parametrize("tab", ["", *(f"{tab}/" for tab in TABS)])
def test_every_tab_of_a_mail_answers(developer, tab):
    mail = put("Your code is 123456", "Type 123456", "<p>Type <b>123456</b></p>")
    assert "Your code is 123456" in shown(developer, f"/mail/m/{mail.pk}/{tab}")


def test_a_mail_without_html_shows_its_text_and_links(developer):
    mail = put("Hi", "Here: https://shop.example.com/a?b=c&d=e")
    page = shown(developer, f"/mail/m/{mail.pk}/")
    assert 'href="https://shop.example.com/a?b=c&amp;d=e"' in page
    assert "This mail has no HTML." in shown(developer, f"/mail/m/{mail.pk}/html/")


def test_500_mails_take_four_queries(developer, django_assert_max_num_queries):
    for _ in range(10):
        batch = [letter(f"{n}", cc=["carol@example.com"]) for n in range(50)]
        get_mailer("default").send_messages(batch)
    with django_assert_max_num_queries(4) as queries:
        page = developer.get("/mail/")
    assert not any(name in q["sql"] for q in queries for name in ("raw", "searched"))
    assert len(page.context["list"].rows) == 100
    with django_assert_max_num_queries(4):
        page = developer.get("/mail/to/carol@example.com/?page=5")
    assert len(page.context["list"].rows) == 100
    assert page.context["list"].older == ""


@pytest.mark.parametrize("page", ["0", "-1", "x", "٣", "9" * 50, ""])
def test_any_page_number_will_do(developer, page):
    put()
    assert developer.get("/mail/", {"page": page}).status_code == 200


def test_leafing_stays_in_the_list(developer):
    for subject in ("one", "two", "three"):
        put(subject)
    put("other", to=["else@example.com"])
    address = developer.get("/mail/to/bob@example.com/").context["list"].rows[1].url
    page = developer.get(address).context
    assert page["row"].subject == "two"
    assert (page["above"].subject, page["below"].subject) == ("three", "one")
    assert page["below"].url.endswith("?to=bob%40example.com")


def test_the_newest_has_an_address(developer):
    put("to bob")
    mail = put("to ann", to=["ann@example.com"])
    put("newer")
    answer = developer.get("/mail/latest/", {"to": "Ann@example.com"})
    assert answer.headers["Location"] == f"/mail/m/{mail.pk}/"
    assert developer.get("/mail/latest/", {"q": "nothing"}).status_code == 404


def test_the_origin_of_a_templated_mail(developer, tmp_path, settings):
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "note.html").write_text(
        "{% block subject %}Hi{% endblock %}<p>Hello</p>"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    get_mailer("default").send_messages([Note(to="ann@example.com").message()])
    page = shown(developer, f"/mail/m/{CaughtMail.objects.get().pk}/origin/")
    for name, fact in (
        ("Class", "Note"),
        ("Template", "mail/note.html"),
        ("Language", "en-us"),
    ):
        assert f"<dt>{name}</dt><dd><bdi>{fact}</bdi>" in page


@pytest.mark.parametrize("path", ["", "frame/", "raw/", "eml/", "part/0/", "origin/"])
@pytest.mark.parametrize("number", [0, 10**30])
def test_a_mail_that_is_not_there(developer, path, number):
    assert developer.get(f"/mail/m/{number}/{path}").status_code == 404


def test_the_bytes_and_attachments_are_files(developer):
    message = letter()
    message.attach("../../ä\r\nx.html", "<script>1</script>", "text/html")
    message.attach("p.png", PNG, "image/png")
    message.attach("lies.png", b"<svg onload=alert(1)>", "image/png")
    message.attach("drawing.svg", b"<svg/>", "image/svg+xml")
    get_mailer("default").send_messages([message])
    mail = CaughtMail.objects.get()
    base = f"/mail/m/{mail.pk}"
    eml = developer.get(f"{base}/eml/")
    assert eml.content == mail.content
    assert eml.headers["Content-Disposition"].endswith(f'"mail-{mail.pk}.eml"')
    assert (
        developer.get(f"{base}/raw/").headers["Content-Type"].startswith("text/plain")
    )
    for number in range(4):
        part = developer.get(f"{base}/part/{number}/")
        assert part.headers["Content-Type"] == "application/octet-stream"
        assert part.headers["Content-Disposition"].startswith("attachment")
        assert "/" not in part.headers["Content-Disposition"]
    assert developer.get(f"{base}/image/1/").headers["Content-Type"] == "image/png"
    for number in (0, 2, 3, 4, 10**30):
        assert developer.get(f"{base}/image/{number}/").status_code == 404
    page = shown(developer, f"{base}/")
    assert f'src="{base}/image/1/"' in page
    assert f'src="{base}/image/3/"' not in page


HOSTILE = [
    b"",
    b"\0" * 1_000,
    b'Subject: <script>alert(1)</script>\r\nFrom: "><script>1</script>" <a@b.c>\r\n\r\n<script>1',
    b"Subject: \x1b[31m\xe2\x80\xae\xff\r\n\r\n\x1b\x9b\xff",
    b"Content-Type: text/html; charset=\0\r\n\r\n<script>alert(1)</script>",
    b"Content-Type: text/html; charset=utf-7\r\n\r\n+ADw-script+AD4-",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000,
    b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n)
        for n in range(2_000)
    ),
    b"X: " + b"y" * 2_000_000 + b"\r\n\r\n" + b"z" * 2_000_000,
    b"".join(b"X-%d: y\r\n" % n for n in range(5_000)) + b"\r\nx",
    b"Content-Type: text/html\r\n\r\n"
    + b"<div>" * 100_000
    + b'<a href="javascript:1">x',
    b"Content-Type: text/html\r\n\r\n<a class=button href='https://e.com/\">'><b onload=1>x</a>",
]


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_no_mail_breaks_a_page_or_gets_a_script_into_it(developer, raw):
    mail = put_raw(raw, "<script>1</script>@e.com", "x" * 900 + "@e.com", "")
    base = f"/mail/m/{mail.pk}/"
    for address in ("/mail/", base, *(f"{base}{tab}/" for tab in TABS)):
        text = shown(developer, address)
        assert text.count("<script") == 1, address
        assert 'href="javascript:' not in text
        assert "\x1b" not in text
        assert " onload" not in text.replace("&#x27;&gt;&lt;b onload", "")
    for path in ("frame/", "raw/", "eml/"):
        assert developer.get(f"{base}{path}").status_code == 200
    assert developer.get(f"/mail/api/messages/{mail.pk}/").status_code == 200


LARGE = b"Gr\xc3\xbc\xc3\x9fe <b>und</b> words\r\n" * 60_000


@pytest.mark.parametrize(
    ("tab", "kind", "left_out"),
    [("html", "html", "1.1 MB"), ("text", "plain", "1.1 MB"), ("source", "plain", "1.1 MB")],
)  # fmt: skip
def test_of_a_large_mail_the_beginning_is_shown_and_what_is_left_out_is_told(
    developer, tab, kind, left_out
):
    head = f"Subject: large\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n"
    mail = put_raw(head.encode() + LARGE)
    page = shown(developer, f"/mail/m/{mail.pk}/{tab}/")
    assert f"Left out: {left_out}." in page
    assert f'href="/mail/m/{mail.pk}/eml/">Download the mail' in page
    assert len(page) < 800_000
    assert developer.get(f"/mail/m/{mail.pk}/eml/").content == mail.content


HUGE = {
    "html": (
        b"Content-Type: text/html\r\n\r\n<p>begin</p><script>1</script>",
        b"<p><img src=//spy.example/x onload=1>",
    ),
    "file": (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbegin\r\n--b\r\n"
        b"Content-Type: image/png\r\nContent-Disposition: attachment\r\n\r\n",
        b"\x89PNG",
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_every_page_of_a_mail_of_50_mb_is_small(developer, name):
    head, piece = HUGE[name]
    mail = put_raw(head + piece * (50_000_000 // len(piece)))
    base = f"/mail/m/{mail.pk}/"
    tabs = [f"{base}{tab}/" for tab in TABS]
    api = [f"/mail/api/messages/{mail.pk}/", "/mail/api/latest/"]
    for address in ("/mail/", base, *tabs, f"{base}frame/", *api):
        answer = developer.get(address)
        assert answer.status_code == 200, address
        assert len(answer.content) < 2_000_000, address
    assert "begin" in shown(developer, f"{base}frame/")
    assert len(developer.get(f"{base}eml/").content) == mail.size


def test_of_a_large_mail_the_json_says_what_it_leaves_out(developer):
    raw = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + LARGE
    told = developer.get(f"/mail/api/messages/{put_raw(raw).pk}/").json()
    assert told["left_out"] == {
        "text": 0, "html": len(LARGE) - 500_000, "attachments": 0
    }  # fmt: skip
    assert len(told["html"]) < 500_000


def test_of_many_headers_and_attachments_the_first_are_shown(developer):
    message = letter(headers={f"X-{number}": "x" for number in range(1_000)})
    for number in range(210):
        message.attach(f"{number}.txt", "x", "text/plain")
    get_mailer("default").send_messages([message])
    mail = CaughtMail.objects.get()
    assert mail.attachment_count == 210
    page = shown(developer, f"/mail/m/{mail.pk}/headers/")
    assert page.count('scope="row"') == 200
    assert "headers. <a" in page
    assert "and 10 more" in page
    assert "199.txt" in page
    assert "200.txt" not in page
    assert "Left out: parts that are too many" in shown(
        developer, f"/mail/m/{mail.pk}/parts/"
    )


def test_a_size_is_written_in_one_way(developer):
    mail = put_raw(b"Subject: x\r\n\r\n" + b"x" * 4_000)
    page = shown(developer, f"/mail/m/{mail.pk}/")
    # Beside the date, in the strip, twice in its words.
    assert page.count("4.0 kB") == 4
    assert "KB" not in page


@pytest.mark.parametrize(
    ("is_debug", "has_threads", "patience"),
    [(True, True, "20"), (True, False, "0"), (False, True, "0")],
)
def test_pages_wait_where_that_keeps_nobody_else_waiting(
    client, settings, admin_user, is_debug, has_threads, patience
):
    settings.DEBUG = is_debug
    settings.MAILPLUS = {"INBOX_FOR_STAFF": True}
    client.force_login(admin_user)
    page = client.get("/mail/", **{"wsgi.multithread": has_threads}).content.decode()
    assert f'data-patience="{patience}"' in page


def test_the_help_names_every_operator_and_what_follows_it(developer):
    page = shown(developer, "/mail/")
    for example in examples():
        assert f"<code>{example}</code>" in page
    named = {example.partition(":")[0] for example in examples()}
    assert named == OPERATORS.keys()
    assert {"has:link", "is:failed", "before:today"} <= {*examples()}


def test_every_example_of_the_help_can_be_searched_for(developer):
    assert search(" ".join(examples())).problems == ()


def answer_to(subject, **headers):
    return put(
        subject, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


def test_a_mail_leads_to_the_others_of_its_conversation(
    developer, django_assert_max_num_queries
):
    first = answer_to("Ticket", Message_ID="<1@e.com>")
    answer_to("Re: Ticket", In_Reply_To="<1@e.com>")
    third = answer_to("Re: Re: Ticket", References="<1@e.com> <2@e.com>")
    put("Something else")
    answer_to("Another one", In_Reply_To="<9@e.com>")
    with django_assert_max_num_queries(5):
        page = developer.get(f"/mail/m/{third.pk}/?to=bob@example.com")
    assert [row.subject for row in page.context["others"]] == ["Re: Ticket", "Ticket"]
    assert f'href="/mail/m/{first.pk}/?to=bob%40example.com"' in page.content.decode()
    others = developer.get(f"/mail/m/{first.pk}/").context["others"]
    assert [row.subject for row in others] == ["Re: Re: Ticket", "Re: Ticket"]


def test_mails_without_a_message_id_are_no_conversation(developer):
    put_raw(b"Subject: one\r\n\r\nx")
    mail = put_raw(b"Subject: two\r\nReferences: none\r\n\r\nx")
    assert list(developer.get(f"/mail/m/{mail.pk}/").context["others"]) == []
    assert "conversation" not in shown(developer, f"/mail/m/{mail.pk}/")
