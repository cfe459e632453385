"""When things go wrong: the server takes the mail for one recipient and refuses another."""

from __future__ import annotations

import logging

from django_mailplus.delivery import get_result
from django_mailplus.mail import EmailMessage

logger = logging.getLogger(__name__)


def send_with_refusal(recipient: str) -> int:
    message = EmailMessage(
        "Tasting on Friday",
        "We open at six.",
        to=[recipient, "refused@example.com"],
    )
    count = message.send()  # 1: it counts messages

    # Only a backend that hears answers leaves a result.
    result = get_result(message)
    if result and result.refused:
        number = len(result.refused)
        logger.warning("%s: %d refused", result.message_id, number)
    return count
