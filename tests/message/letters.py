"""Messages of every kind, as recipes: each can be built twice, with nothing shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from hypothesis import strategies as st
from message.parts import (
    PNG,
    as_given,
    bare_part,
    forwarded_part,
    image,
    letter_within,
    signed_part,
    text_part,
)
from message.words import (
    ADDRESS_LISTS,
    ADDRESSES,
    BODIES,
    CONTENTS,
    FILENAMES,
    HEADERS,
    MIMETYPES,
    SUBJECTS,
    bodies,
)

from django_mailplus.compat import MODERN_MIME

__all__ = ["Letter", "letters"]


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
