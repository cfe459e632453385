"""Whether the Django and the Python that run write mail as this package expects.

Either may change how it writes in any release. Then mail goes their way, only slower.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from email.message import MIMEPart
from email.mime.image import MIMEImage
from typing import Any, TypeVar

from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_mailplus.compat import MODERN_MIME

__all__ = ["agrees"]

logger = logging.getLogger(__name__)

Sample = TypeVar("Sample", bound=EmailMessage)
Write = Callable[[EmailMessage], bytes]

_ADDRESSES = ("Ann <ann@example.com>", ["Bob <bob@example.com>"])
_STAMPS = {"Date": "Fri, 21 Nov 2025 10:00:00 +0000", "Message-ID": "<1@example.com>"}
_LONG = "A line that is longer than what either Django sends as it is. " * 20
# The break before a Message-ID goes with it: ids are not all of one length, so that of
# a host with a long name is folded in one message and not in the next.
_ANY_OF_A_MESSAGE = re.compile(
    rb"(?<====)=\d{19}(?===)|(?<=\nDate: )\w[^\r]+|(?<=\nMessage-ID:)\s+<[^>]+>"
)


def agrees(write: Write, stock: Write) -> bool:
    """Whether both write the same of a few messages, boundaries and stamps apart."""
    try:
        same = all(
            _ANY_OF_A_MESSAGE.sub(b"", write(message))
            == _ANY_OF_A_MESSAGE.sub(b"", stock(message))
            for message in _samples()
        )
    except Exception:  # whatever this Django or this Python does not know
        same = False
    if not same:
        logger.warning(
            "This Django or this Python writes mail in a way that django-mailplus does "
            "not know. Mail is written by Django alone, which is slower."
        )
    return same


def _samples() -> Iterator[EmailMessage]:
    yield _sample(EmailMessage("Words", "One\nTwo\r\n", *_ADDRESSES))
    yield _sample(EmailMessage("Wörter", "Grüße\n\n", *_ADDRESSES, headers=_STAMPS))
    yield _sample(EmailMessage("", _LONG, *_ADDRESSES))
    yield _sample(EmailMessage("", _LONG + "漢字" * 999 + "\r", *_ADDRESSES))
    both = _sample(EmailMultiAlternatives("Both", "Text", *_ADDRESSES))
    both.attach_alternative("<p>Länger</p>" + _LONG, "text/html")
    yield both
    all_kinds = _sample(EmailMultiAlternatives("All", "Text", *_ADDRESSES))
    all_kinds.attach_alternative("<p>Text</p>\n", "text/html")
    all_kinds.attach("a.pdf", bytes(range(256)), "application/pdf")
    all_kinds.attach("ä.txt", "Text", "text/plain")
    all_kinds.attach(None, b"", "image/png")
    all_kinds.attachments.append(_inline_image())
    yield all_kinds


def _inline_image() -> Any:
    if not MODERN_MIME:
        old = MIMEImage(b"data", "png")
        old["Content-ID"] = "<image>"
        return old
    part: MIMEPart = MIMEPart()
    part.set_content(
        b"data", maintype="image", subtype="png", cid="<image>", disposition="inline"
    )
    return part


def _sample(message: Sample) -> Sample:
    message.encoding = "utf-8"
    return message
