from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.smtp.replies import parse_reply


@pytest.mark.parametrize(
    ("code", "text", "enhanced", "words", "kind"),
    [
        (250, b"2.1.5 Ok", "2.1.5", "Ok", "accepted"),
        (250, b"OK", "", "OK", "accepted"),
        (550, b"5.1.1 no such\n5.1.1 user", "5.1.1", "no such\nuser", "permanent"),
        (451, "4.7.1 later", "4.7.1", "later", "transient"),
        (354, b"go ahead", "", "go ahead", "unknown"),
        (-1, b"junk", "", "junk", "unknown"),
        (250, b"2.1.5", "2.1.5", "", "accepted"),
        (250, b"version 2.1.5 here", "", "version 2.1.5 here", "accepted"),
    ],
)
def test_a_reply_is_taken_apart(code, text, enhanced, words, kind):
    reply = parse_reply(code, text)
    assert (reply.code, reply.enhanced, reply.text, reply.kind) == (
        code,
        enhanced,
        words,
        kind,
    )


@given(st.integers(-1, 999), st.binary(max_size=5_000))
def test_no_reply_is_too_strange(code, text):
    assert len(parse_reply(code, text).text) <= 2_000
