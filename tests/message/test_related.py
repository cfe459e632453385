"""Pictures of the HTML are written beside it, and stay attachments for whoever looks."""

from __future__ import annotations

import copy
import json
from email import message_from_bytes, policy

import pytest
from django.core.mail import EmailMultiAlternatives
from message.outcomes import as_django, outcome
from message.parts import PNG

from django_mailplus.message import wire
from django_mailplus.message.copying import copy_message, freeze
from django_mailplus.message.related import RelatedEmail, new_inline_part
from django_mailplus.message.snapshot import restore, take

HTML = '<p><img src="cid:logo@mail.inline" alt="Logo"></p>'


def logo(content_id="logo@mail.inline"):
    return new_inline_part(
        PNG, "image/png", content_id=content_id, filename="logo ä.png"
    )


def mail(kind=RelatedEmail, **values):
    message = kind(
        "Order", "Thank you", "shop@example.com", ["ann@example.com"], **values
    )
    message.attach_alternative(HTML, "text/html")
    return message


def shape(data):
    """The tree of a written mail, as nested lists of types."""
    return _shape(message_from_bytes(data, policy=policy.default))


def _shape(part):
    if not part.is_multipart():
        return part.get_content_type()
    return [part.get_content_type(), *map(_shape, part.iter_parts())]


RELATED = ["multipart/related", "text/html", "image/png"]
ALTERNATIVE = ["multipart/alternative", "text/plain", RELATED]


def both_ways(message):
    """What we write and what message() gives, which have to be equal."""
    wire._agrees()
    ours = outcome(wire._compose, message)  # which is the quick way
    assert ours == outcome(as_django, message)
    return wire.to_bytes(message)


def test_a_picture_stands_beside_the_html():
    message = mail()
    message.attachments.append(logo())
    data = both_ways(message)
    assert shape(data) == ALTERNATIVE
    parsed = message_from_bytes(data, policy=policy.default)
    related = parsed.get_payload()[1]
    assert related["Content-Type"].params["type"] == "text/html"
    [image] = list(related.iter_attachments())
    assert image["Content-ID"] == "<logo@mail.inline>"
    assert image.get_filename() == "logo ä.png"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == PNG
    assert "MIME-Version" not in image
    assert parsed.get_body(("html",)).get_content().strip() == HTML


def test_other_attachments_stay_below():
    message = mail()
    message.attach("list.pdf", b"%PDF", "application/pdf")
    message.attachments += [logo("a@mail.inline"), logo("b@mail.inline")]
    message.attach("page.html", "<p>", "text/html")
    assert shape(both_ways(message)) == [
        "multipart/mixed",
        ["multipart/alternative", "text/plain", [*RELATED, "image/png"]],
        "application/pdf",
        "text/html",
    ]


def test_a_calendar_beside_the_html_stays_where_it_is():
    message = mail()
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
    message.attachments.append(logo())
    assert shape(both_ways(message)) == [*ALTERNATIVE, "text/calendar"]


def test_without_text_the_html_is_the_only_alternative():
    message = mail()
    message.body = ""
    message.attachments.append(logo())
    assert shape(both_ways(message))[:2] == ["multipart/alternative", RELATED]


def test_without_picture_or_without_html_it_is_django_that_writes():
    assert shape(both_ways(mail())) == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    bare = RelatedEmail("Order", "Thank you", "a@example.com", ["b@example.com"])
    bare.attachments.append(logo())
    assert shape(both_ways(bare)) == ["multipart/mixed", "text/plain", "image/png"]


def test_django_alone_would_put_it_below():
    message = mail(EmailMultiAlternatives)
    message.attachments.append(logo())
    assert shape(as_django(message)) == [
        "multipart/mixed",
        ["multipart/alternative", "text/plain", "text/html"],
        "image/png",
    ]


@pytest.mark.parametrize("encoding", [None, "iso-8859-1"])
def test_the_charset_of_the_message_counts(encoding):
    message = mail()
    message.encoding = encoding
    message.body = "Grüße"
    message.attachments.append(logo())
    assert shape(both_ways(message)) == ALTERNATIVE


def test_writing_leaves_the_message_as_it_is():
    message = mail()
    message.attachments.append(logo())
    before = copy.copy(vars(message))
    message.message()
    assert vars(message) == before
    assert len(message.attachments) == 1


def through_json(message):
    snapshot = take(message)
    document = json.loads(json.dumps(snapshot.document))
    return restore(document, snapshot.blobs.__getitem__)


def test_a_snapshot_keeps_it_as_a_message_and_not_as_bytes():
    message = freeze(mail())
    message.attachments.append(logo())
    restored = through_json(message)
    assert type(restored) is RelatedEmail
    assert shape(both_ways(restored)) == ALTERNATIVE
    assert len(restored.attachments) == 1
    assert take(restored).document == take(message).document


def test_so_does_a_subclass_that_says_itself_whom_it_goes_to():
    class Everybody(RelatedEmail):
        def recipients(self):
            return ["everybody@example.com"]

    message = mail(Everybody)
    message.attachments.append(logo())
    restored = through_json(message)
    assert restored.recipients() == ["everybody@example.com"]
    assert shape(both_ways(restored)) == ALTERNATIVE


def test_a_copy_is_written_alike():
    message = mail()
    message.attachments.append(logo())
    assert shape(both_ways(copy_message(message))) == ALTERNATIVE
