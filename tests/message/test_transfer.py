"""Transfer encodings are those of Python's `email`, character by character."""

from __future__ import annotations

import base64
from email.quoprimime import body_encode

from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.message.transfer import (
    base64_lines,
    crlf,
    longest_quoted_printable,
    quoted_printable,
)

OCTETS = st.sampled_from(
    [b"a", b"=", b" ", b"\t", b".", "ö".encode(), b"\0", b"\x7f", b"\x0b", b"0A", b"2E"]
)
LINES = st.one_of(
    st.lists(OCTETS, max_size=200).map(b"".join),
    st.integers(70, 82).map(lambda length: b"x" * length),
    st.tuples(st.integers(70, 82), OCTETS, st.sampled_from([b"", b" ", b"\t"])).map(
        lambda parts: b"x" * parts[0] + parts[1] + parts[2]
    ),
)


@given(
    st.lists(LINES, min_size=1, max_size=4), st.sampled_from([76, 78]), st.booleans()
)
def test_quoted_printable_is_that_of_email(lines, width, ends):
    text = b"\n".join(lines) + b"\n" * ends
    wanted = body_encode(text.decode("latin-1"), width).encode()
    ends = text.endswith(b"\n")
    assert (
        quoted_printable(text.splitlines(), width, last_line_ends=ends) == wanted
        or not text
    )


@given(st.lists(LINES, min_size=1, max_size=4), st.sampled_from([76, 78]))
def test_quoted_printable_is_never_longer_than_foretold(lines, width):
    lines = b"\n".join(lines).splitlines()
    written = quoted_printable(lines, width, last_line_ends=True)
    assert len(written) <= longest_quoted_printable(lines, width)


@given(st.binary(max_size=400))
def test_base64_is_that_of_email(data):
    assert base64_lines(data) == base64.encodebytes(data).replace(b"\n", b"\r\n")


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n"])).map(b"".join))
def test_every_line_ends_with_crlf(data):
    assert crlf(data) == b"\r\n".join((data + b"x").splitlines())[:-1]
