"""When things go wrong: nobody answers at the mail server's address."""

from __future__ import annotations

from django_mailplus.mail import send_mail


def send_to_unreachable_server(recipient: str) -> int:
    return send_mail(
        "Nobody will read this",
        "Nothing listens where this mailer connects to.",
        None,
        [recipient],
        using="unreachable",
    )
