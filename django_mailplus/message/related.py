"""HTML with its own pictures: multipart/related (RFC 2387), which Django does not write.

Django puts inline parts beside the text, as attachments: mail programs then list them
below the mail, or show none of them in their place.
"""

from __future__ import annotations

import copy
import email.policy
from collections.abc import Iterable, Sequence
from email.encoders import encode_base64
from email.message import Message, MIMEPart
from email.mime.base import MIMEBase
from typing import Any, TypeAlias

from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message.multipart import Piece, multipart

__all__ = ["RelatedEmail", "beside_html", "new_inline_part", "new_related", "parted"]

Part: TypeAlias = "Message[Any, Any]"
_HTML = "text/html"
_PARTS: Any = MIMEPart if MODERN_MIME else MIMEBase


class RelatedEmail(EmailMultiAlternatives):
    """Writes the inline parts among its attachments next to the HTML that shows them.

    An inline part has a Content-ID and the disposition inline; see `new_inline_part`. They
    stay in `attachments`, where backends of provider APIs look for them.
    """

    def message(self, **how: Any) -> Any:
        inline, attachments = parted(self, self.attachments)
        if not inline:
            return super().message(**how)
        others = copy.copy(self)
        others.attachments = list(attachments)
        written = super(RelatedEmail, others).message(**how)
        return _with_inline(written, inline, self)


def new_inline_part(
    content: bytes, mimetype: str, *, content_id: str, filename: str
) -> Part:
    """A part for `attachments`, of the class that this Django takes."""
    maintype, _, subtype = mimetype.partition("/")
    if MODERN_MIME:
        part: Part = MIMEPart(email.policy.default)
        part.set_content(content, maintype=maintype, subtype=subtype)  # type: ignore[attr-defined]
    else:
        part = MIMEBase(maintype, subtype)
        part.set_payload(content)
        encode_base64(part)
        del part["MIME-Version"]  # only for the top of a message
    part.add_header("Content-Disposition", "inline", filename=filename)
    part["Content-ID"] = f"<{content_id}>"
    return part


def parted(
    message: EmailMessage, attachments: Sequence[Any]
) -> tuple[Sequence[Any], Sequence[Any]]:
    """The parts that the message writes beside its HTML, and its other attachments."""
    if not isinstance(message, RelatedEmail) or not _has_html(message):
        return [], attachments
    inline = [part for part in attachments if _is_inline(part)]
    return inline, [part for part in attachments if not _is_inline(part)]


def new_related(encoding: Any) -> Part:
    if MODERN_MIME:
        related: Any = MIMEPart(email.policy.SMTP)
        related.make_related()
    else:
        from django.core.mail.message import SafeMIMEMultipart

        related = SafeMIMEMultipart(_subtype="related", encoding=encoding)
    related.set_param("type", "text/html")  # which RFC 2387 section 3.1 asks for
    return related  # type: ignore[no-any-return]


def beside_html(
    pieces: list[Piece],
    alternatives: Sequence[Any],
    inline: Iterable[Piece],
    head: tuple[bytes, bytes],
) -> None:
    """Put the inline parts into one with the first HTML among the pieces of alternatives."""
    types = [alternative.mimetype for alternative in alternatives]
    place = types.index(_HTML) - len(types)  # a body may come before them
    pieces[place] = multipart(head, [pieces[place], *inline])


def _has_html(message: RelatedEmail) -> bool:
    alternatives: Any = message.alternatives
    return message.content_subtype != "html" and any(
        alternative.mimetype == _HTML for alternative in alternatives
    )


def _is_inline(attachment: object) -> bool:
    return (
        isinstance(attachment, _PARTS)
        and "Content-ID" in attachment
        and attachment.get_content_disposition() == "inline"
    )


def _with_inline(written: Part, inline: Sequence[Any], message: RelatedEmail) -> Part:
    subtype = getattr(message, "alternative_subtype", "alternative")
    alternatives = next(
        part
        for part in written.walk()
        if part.get_content_type() == f"multipart/{subtype}"
    )
    parts: Any = alternatives.get_payload()
    place = next(
        index for index, part in enumerate(parts) if part.get_content_type() == _HTML
    )
    related = new_related(message.encoding)
    for part in (parts[place], *inline):
        related.attach(part)
    parts[place] = related
    return written
