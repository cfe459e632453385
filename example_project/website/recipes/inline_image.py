"""Everyday task: a picture inside the HTML."""

from __future__ import annotations

from email.message import MIMEPart
from email.mime.image import MIMEImage
from pathlib import Path

from django_mailplus.mail import EmailMultiAlternatives

LEAF = Path(__file__).parent.parent / "files" / "leaf.png"


def send_inline_image(recipient: str) -> int:
    message = EmailMultiAlternatives(
        "First flush",
        "The new harvest is in.",
        to=[recipient],
    )
    message.attach_alternative(
        '<p><img src="cid:leaf" alt="A tea leaf" width="96"></p>'
        "<p>The new harvest is in.</p>",
        "text/html",
    )
    attach_inline(message, LEAF, "leaf")
    return message.send()


def attach_inline(
    message: EmailMultiAlternatives,
    path: Path,
    content_id: str,
) -> None:
    part = MIMEPart()
    part.set_content(
        path.read_bytes(),
        maintype="image",
        subtype="png",
        disposition="inline",
        filename=path.name,
        cid=f"<{content_id}>",
    )
    try:
        message.attach(part)
    except ValueError:  # Django 5.2 takes only Python's older classes
        image = MIMEImage(path.read_bytes(), "png")
        image.add_header("Content-Disposition", "inline", filename=path.name)
        image.add_header("Content-ID", f"<{content_id}>")
        message.attach(image)
