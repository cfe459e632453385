"""What people send.

Nothing in it is refused, and nothing is left to Python's `email` but headers of more
than one line.
"""

from __future__ import annotations

from functools import partial
from string import ascii_letters, ascii_lowercase, digits

from hypothesis import strategies as st
from message.letters import Letter
from message.parts import as_given, image
from message.words import bodies

from django_mailplus.compat import MODERN_MIME

__all__ = ["everyday_letters"]


def _text(alphabet: str, longest: int, shortest: int = 1) -> st.SearchStrategy[str]:
    """Drawn in one piece, where a regular expression takes one for each character."""
    return st.text(alphabet=alphabet, min_size=shortest, max_size=longest)


PEOPLE = st.one_of(
    st.builds(
        "{}{}".format,
        _text(ascii_letters, 12),
        st.lists(_text(ascii_letters + "'-", 12).map(" {}".format), max_size=3).map(
            "".join
        ),
    ),
    st.lists(
        st.text(alphabet="abcXYäöüßéñжид漢字'-", min_size=1, max_size=9),
        min_size=1,
        max_size=4,
    ).map(" ".join),
)
MAILBOXES = st.builds(
    "{} <{}>".format,
    PEOPLE,
    st.builds(
        "{}{}@{}{}".format,
        _text(ascii_lowercase + digits + "_+-", 12),
        st.just("") | _text(ascii_lowercase, 9).map(".{}".format),
        _text(ascii_lowercase, 12),
        st.lists(
            _text(ascii_lowercase, 6, 2).map(".{}".format), min_size=1, max_size=2
        ).map("".join),
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
                    _text(ascii_letters + digits + "_.-", 80),
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
