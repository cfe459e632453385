"""Subjects, addresses, bodies, headers and names of files: usual, odd and wrong."""

from __future__ import annotations

from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from hypothesis import strategies as st
from message.parts import PNG

__all__ = [
    "ADDRESSES",
    "ADDRESS_LISTS",
    "BARE",
    "BODIES",
    "CONTENTS",
    "ENDINGS",
    "FILENAMES",
    "HEADERS",
    "MIMETYPES",
    "NAMES",
    "SCRIPTS",
    "SUBJECTS",
    "bodies",
    "edge_words",
    "words",
]

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
