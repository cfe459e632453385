"""Everyday task: a picture inside the HTML."""

from __future__ import annotations

from website.mails import HarvestMail


def send_inline_image(recipient: str) -> int:
    return HarvestMail(to=recipient).send()
