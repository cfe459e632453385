"""When things go wrong: the mail waits in the outbox until a server takes it."""

from __future__ import annotations

from django_mailplus.mail import send_mail


def send_through_outbox(recipient: str) -> int:
    return send_mail(
        "Your tea is on its way",
        "It left as soon as the server was there.",
        None,
        [recipient],
        using="outbox",
    )
