"""Messages of every kind, as recipes: each can be built twice, with nothing shared."""

from __future__ import annotations

import email
import email.message
import email.policy
from dataclasses import dataclass, field
from email import encoders
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from functools import partial
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from hypothesis import strategies as st

from django_mailplus.compat import MODERN_MIME

__all__ = ["Letter", "everyday_letters", "letters"]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Arguments of a message, attributes set on it, and functions that make attachments."""

    arguments: dict[str, Any]
    attributes: dict[str, Any] = field(default_factory=dict)
    alternatives: list[tuple[Any, Any]] = field(default_factory=list)
    attachments: list[partial[Any]] = field(default_factory=list)
    rich: bool = True

    def build(self) -> EmailMessage:
        kind = EmailMultiAlternatives if self.rich else EmailMessage
        message = kind(**self.arguments)
        for name, value in self.attributes.items():
            setattr(message, name, value)
        if isinstance(message, EmailMultiAlternatives):
            message.alternatives = [_alternative(*pair) for pair in self.alternatives]
        # Not attach(), which guesses types, and warns of MIMEBase on Django 6.1.
        message.attachments = [make() for make in self.attachments]
        return message


def _alternative(content: Any, mimetype: Any) -> Any:
    message = EmailMultiAlternatives()
    message.attach_alternative(content, mimetype)
    return message.alternatives[0]


# Attachments


def as_given(*attachment: Any) -> Any:
    return attachment


def image(content_id: str, data: bytes, *, modern: bool) -> Any:
    if modern:
        part = email.message.MIMEPart(policy=email.policy.default)
        part.set_content(
            data, maintype="image", subtype="png", cid=content_id, disposition="inline"
        )
        return part
    old = MIMEImage(data, "png")
    old["Content-ID"] = content_id
    old.add_header("Content-Disposition", "inline", filename="ä.png")
    return old


def text_part(text: str, charset: str, *, modern: bool) -> Any:
    if not modern:
        return MIMEText(text, "plain", charset)
    part = email.message.MIMEPart(policy=email.policy.SMTP)
    part.set_content(text, charset=charset)
    return part


def bare_part(payload: str, header: tuple[str, str] | None) -> Any:
    part = MIMEBase("application", "x-thing")
    part.set_payload(payload)
    if header:
        part[header[0]] = header[1]
    return part


def signed_part(text: str) -> Any:
    part = MIMEMultipart("signed", protocol="application/pgp-signature")
    part.attach(MIMEText(text))
    signature = MIMEBase("application", "pgp-signature")
    signature.set_payload(PNG)
    encoders.encode_base64(signature)
    part.attach(signature)
    return part


def forwarded_part(text: str) -> Any:
    return MIMEMessage(email.message_from_string(text))


def letter_within(subject: str, body: str) -> Any:
    inner = EmailMessage(subject, body, "in@example.com", ["to@example.com"])
    inner.extra_headers = {
        "Message-ID": "<in@x>",
        "Date": "Fri, 21 Nov 2025 10:00:00 +0000",
    }
    return (None, inner, "message/rfc822")


# Words

ENDINGS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", " \n", "\t\n", ""])
SCRIPTS = st.sampled_from(
    [
        "abcdefgh XYZ 0123456789",
        "abc äöü ßé ñ",
        "привет мир ещё",
        "漢字かな交じり文",
        "🙂🎉a b👩‍👩‍👧",
        "a\u00a0b\u2028\x85\x1c\x0b\u0301",
        "=?_ =.\"'(),:;<>@[]\\",
        "\t\x00\x7f\x08 a",
    ]
)


@st.composite
def words(draw: st.DrawFn, max_size: int = 90) -> str:
    """Words of one or two scripts, often of a length at which lines break."""
    scripts = draw(SCRIPTS) + draw(st.sampled_from(["", "abc ", " "])) * 3
    return draw(st.text(alphabet=scripts, max_size=max_size))


@st.composite
def edge_words(draw: st.DrawFn, lengths: tuple[int, ...]) -> str:
    """ASCII words, with foreign ones or without, of just this length."""
    length = draw(st.sampled_from(lengths))
    unit = draw(st.sampled_from(["word ", "x", "wö ", "longer-word ", "a, b; "]))
    return (unit * length)[:length].rstrip() or "x"


SUBJECTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "Hello",
            " leading",
            "trailing ",
            "two  spaces",
            "=?utf-8?q?J=C3=B6rg?=",
            "a =?x",
            "Grüße =?utf-8?b?w7Y=?= und mehr",
            "Was? für = tschüß",
            "one\nBcc: x@example.com",
            "one\r\n two",
            "tab\there",
            lazystr("später"),
            mark_safe("safe"),
            "\udce4",
            "\ud800",
            None,
            7,
        ]
    ),
    words(),
    edge_words((60, 61, 62, 63, 66, 67, 68, 69, 70, 71, 73, 75, 140, 997, 998, 1000)),
    st.text(max_size=60),
)

NAMES = st.one_of(
    st.sampled_from(
        [
            "Ann",
            "Ann van Dyke",
            "J. Smith",
            '"Smith, Bob"',
            "Jörg Müller",
            "Ann Müller Bob",
            "=?utf-8?b?SsO2cmc=?=",
            "O'Neil-Ünal",
            "名前",
            "a_b",
            "x" * 80,
            "é" * 80,
        ]
    ),
    words(max_size=30),
)
BARE = st.sampled_from(
    [
        "ann@example.com",
        "a.b+c_d-e@mail.example.com",
        "webmaster",
        "ann@localhost",
        "ann@bücher.example",
        "änn@example.com",
        "ann@xn--bcher-kva.example",
        "a@" + "b" * 64 + ".example",
        "a@" + "b" * 40 + ".example",
        "ann@-x.example",
        "ann@[127.0.0.1]",
        '"a b"@example.com',
        "ann@@example.com",
        "ann@example.com\nBcc: x@example.com",
        "",
        "<>",
    ]
)
ADDRESSES = st.one_of(
    BARE,
    st.builds("{} <{}>".format, NAMES, BARE),
    st.builds("{} <{}>".format, NAMES, st.just("bob@example.com")),
    st.sampled_from([lazystr("Zoë <zoe@example.com>"), "group: a@b.c, d@e.f;"]),
)
ADDRESS_LISTS = st.lists(ADDRESSES, max_size=4)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    lines = draw(
        st.lists(
            st.one_of(
                words(max_size=130),
                edge_words((75, 76, 77, 78, 79, 80, 154, 997, 998, 999, 1000)),
                st.sampled_from([".", "..", "From me", ".x", "", " ", "--", "=", "é"]),
            ),
            max_size=14,
        )
    )
    return "".join(line + draw(ENDINGS) for line in lines)


BODIES = st.one_of(
    bodies(),
    st.text(max_size=300),
    st.sampled_from(
        ["", None, lazystr("später\n"), mark_safe("<p>"), "\ud800", b"octets\xff"]
    ),
)

FILENAMES = st.sampled_from(
    [
        None,
        "",
        "a.pdf",
        "Q",
        "invoice-4711.pdf",
        "x" * 70 + ".txt",
        "ä.pdf",
        "a b.txt",
        '"q".pdf',
        "a;b",
        "e\nf.pdf",
        "漢字" * 20,
        "x" * 120,
        lazystr("l.txt"),
    ]
)
MIMETYPES = st.sampled_from(
    [
        "application/pdf",
        "image/png",
        "text/plain",
        "text/html",
        "Text/Plain",
        "text/calendar; method=REQUEST",
        "application/x-Y.z+json",
        "message/rfc822",
        "multipart/mixed",
        "video/mp4",
        "odd",
        "a/b/c",
        "message/partial",
        None,
        "x-a/b",
    ]
)
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        [b"", b"\xff\xfe", PNG * 3, bytearray(b"x"), memoryview(b"y"), None]
    ),
    bodies(),
    st.just("Subject: Hi\nContent-Type: text/plain\n\nbody ä\n"),
)


def _attachments() -> st.SearchStrategy[partial[Any]]:
    kinds = [
        st.builds(partial, st.just(as_given), FILENAMES, CONTENTS, MIMETYPES),
        st.builds(
            partial,
            st.just(as_given),
            st.sampled_from([None, "a.pdf", "n-1.txt", "é.txt"]),
            CONTENTS,
            st.sampled_from(["application/pdf", "text/plain", "text/csv", "image/png"]),
        ),
        st.builds(
            partial,
            st.just(image),
            st.sampled_from(["<logo>", "<logo@example.com>", "<" + "x" * 80 + "@y>"]),
            st.just(PNG),
            modern=st.booleans() if MODERN_MIME else st.just(False),
        ),
        st.builds(
            partial,
            st.just(text_part),
            st.sampled_from(["plain\n", "Grüße\r\n", "x" * 1000]),
            st.sampled_from(["utf-8", "iso-8859-1"]),
            modern=st.booleans() if MODERN_MIME else st.just(False),
        ),
        st.builds(
            partial,
            st.just(bare_part),
            st.sampled_from(["", "a\nb", "a\r\nb\r", "ä\n", "\udce4"]),
            st.sampled_from(
                [
                    None,
                    ("X-A", "é"),
                    ("Content-Type", "message/rfc822"),
                    ("X-B", "b" * 90),
                ]
            ),
        ),
        st.builds(partial, st.just(signed_part), st.sampled_from(["a\n", "é"])),
        st.builds(partial, st.just(forwarded_part), st.just("Subject: a\n\nb\n")),
        st.builds(partial, st.just(letter_within), SUBJECTS, BODIES),
    ]
    return st.one_of(kinds)


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "X-One",
            "List-Unsubscribe",
            "Sender",
            "Resent-To",
            "Message-ID",
            "Date",
            "From",
            "To",
            "Cc",
            "cc",
            "Reply-To",
            "from",
            "MESSAGE-ID",
            "Bcc",
            "Subject",
            "Content-Type",
            "MIME-Version",
            "x-one",
            "X Space",
            "",
            "X-É",
            "Auto-Submitted",
            "X-" + "y" * 80,
            "In-Reply-To",
            "References",
            "Content-Language",
        ]
    ),
    st.one_of(
        st.sampled_from(
            [
                "<https://example.com/u?a=b>",
                "<https://example.com/unsubscribe/" + "t" * 60 + ">, <mailto:u@x.y>",
                "<123.456@mail.example.com>",
                "<" + "9" * 70 + "@mail.example.com>",
                "<not an id>",
                "Fri, 21 Nov 2025 10:00:00 -0000",
                "Mon, 21 Nov 2025 10:00:00 +0200",
                "no date",
                lazystr("später"),
                "a\nb",
                5,
                None,
            ]
        ),
        ADDRESSES,
        SUBJECTS,
    ),
    max_size=4,
)


def letters() -> st.SearchStrategy[Letter]:
    senders = st.one_of(st.just("Shop <shop@example.com>"), ADDRESSES)
    return st.builds(
        Letter,
        arguments=st.fixed_dictionaries(
            {
                "subject": SUBJECTS,
                "body": BODIES,
                "from_email": senders,
                "to": ADDRESS_LISTS,
            },
            optional={
                "cc": ADDRESS_LISTS,
                "bcc": ADDRESS_LISTS,
                "reply_to": ADDRESS_LISTS,
                "headers": HEADERS,
            },
        ),
        attributes=st.fixed_dictionaries(
            {},
            optional={
                "encoding": st.sampled_from(
                    [
                        "utf-8",
                        "utf-8",
                        "UTF-8",
                        "iso-8859-1",
                        "us-ascii",
                        "utf-16",
                        "iso-2022-jp",
                        "koi8-r",
                        "nonsense",
                        None,
                    ]
                ),
                "content_subtype": st.sampled_from(
                    ["plain", "html", "calendar; method=REQUEST", "", "x y"]
                ),
            },
        ),
        alternatives=st.lists(
            st.tuples(
                st.one_of(
                    bodies(),
                    st.sampled_from(["<p>", mark_safe("<b>"), b"x\xff", lazystr("l")]),
                ),
                st.sampled_from(
                    [
                        "text/html",
                        "text/html",
                        "text/x-amp-html",
                        "application/json",
                        "odd",
                    ]
                ),
            ),
            max_size=2,
        ),
        attachments=st.lists(_attachments(), max_size=2),
        rich=st.booleans(),
    )


# What people send: nothing in it is refused, and nothing is left to Python's `email` but
# headers of more than one line.

PEOPLE = st.one_of(
    st.from_regex(r"[A-Za-z]{1,12}( [A-Za-z'-]{1,12}){0,3}", fullmatch=True),
    st.lists(
        st.text(alphabet="abcXYäöüßéñжид漢字'-", min_size=1, max_size=9),
        min_size=1,
        max_size=4,
    ).map(" ".join),
)
MAILBOXES = st.builds(
    "{} <{}>".format,
    PEOPLE,
    st.from_regex(
        r"[a-z0-9_+-]{1,12}(\.[a-z]{1,9})?@[a-z]{1,12}(\.[a-z]{2,6}){1,2}",
        fullmatch=True,
    ),
)
PRINTABLE = "".join(map(chr, range(32, 127)))
SENTENCES = st.one_of(
    st.text(alphabet=PRINTABLE, max_size=80),
    st.text(alphabet=PRINTABLE + "äöüßé€—🙂漢ж", max_size=60),
    st.lists(
        st.text(alphabet="abcdäöé.,!?-=_漢", min_size=1, max_size=10), max_size=9
    ).map(" ".join),
)
PARAGRAPHS = st.lists(
    st.one_of(SENTENCES, st.text(alphabet=PRINTABLE + "äé\t", max_size=300), bodies()),
    max_size=14,
).map("\n".join)


def everyday_letters() -> st.SearchStrategy[Letter]:
    texts = st.one_of(PARAGRAPHS, bodies())
    return st.builds(
        Letter,
        arguments=st.fixed_dictionaries(
            {
                "subject": SENTENCES,
                "body": texts,
                "from_email": MAILBOXES,
                "to": st.lists(MAILBOXES, min_size=1, max_size=3),
            },
            optional={
                "cc": st.lists(MAILBOXES, max_size=3),
                "reply_to": st.lists(MAILBOXES, max_size=1),
                "headers": st.dictionaries(
                    st.sampled_from(["X-Campaign", "List-Id", "In-Reply-To"]),
                    SENTENCES,
                    max_size=2,
                ),
            },
        ),
        alternatives=st.lists(st.tuples(texts, st.just("text/html")), max_size=1),
        attachments=st.lists(
            st.one_of(
                st.builds(
                    partial,
                    st.just(as_given),
                    st.from_regex(r"[a-zA-Z0-9_.-]{1,80}", fullmatch=True),
                    st.binary(max_size=500),
                    st.sampled_from(["application/pdf", "image/png", "video/mp4"]),
                ),
                st.builds(
                    partial,
                    st.just(as_given),
                    st.text(alphabet="abäö漢 .-", min_size=1, max_size=60),
                    texts,
                    st.sampled_from(["text/csv", "text/plain"]),
                ),
                st.builds(
                    partial,
                    st.just(image),
                    st.just("<logo>"),
                    st.binary(max_size=300),
                    modern=st.booleans() if MODERN_MIME else st.just(False),
                ),
            ),
            max_size=2,
        ),
        rich=st.just(value=True),
    )
