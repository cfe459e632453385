"""A mail in a real browser: its images are there, and its links can be clicked."""

from __future__ import annotations

from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from django_mailplus.testing import SentMail

GIF = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)
WIDTH = "image => image.decode().then(() => image.naturalWidth)"


@pytest.mark.django_db(transaction=True)
def test_it_opens_in_a_page_of_playwright(new_page, site):
    target = f"{site}/nothing/here/"
    related = MIMEMultipart("related")
    html = f'<img src="cid:leaf"><a href="{target}">Look</a>'
    related.attach(MIMEText(html, "html"))
    image = MIMEImage(GIF, "gif")
    image["Content-ID"] = "<leaf>"
    related.attach(image)
    mail = SentMail(
        related.as_bytes(), sender="a@example.com", recipients=("b@example.com",)
    )
    page = new_page()
    mail.open(page)
    assert page.locator("img").evaluate(WIDTH) == 1
    page.get_by_role("link", name="Look").click()
    page.wait_for_url(target)
