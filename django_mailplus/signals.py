"""Signals that tell what became of a message; nothing of ours is done by them.

The first two are sent by the backend that talked to the server, with `sender` the EmailBackend class of its module and
the arguments `message` (as the caller gave it to that backend), `result` (its
`DeliveryResult`) and `recipients` (the tuple of `RecipientResult` that the signal is
about). A receiver that raises is logged and changes nothing.

message_sent     the server accepted the message for these recipients
message_failed   it did not: refused, not reached, or no answer

The others are sent once the change is committed, with `sender` the model OutboxMessage
and `mail`, its row. A process that dies in between does not send them.

outbox_queued           stored, and not sent yet
outbox_sent             the server took it for everybody
outbox_partly_refused   the server took it for some; `mail.fates` says for whom
outbox_failed           it will not be tried again: `mail.state` is failed, expired or unknown
outbox_suppressed       a mailer kept it back on purpose, from everybody

The last two are sent once the change is committed, too, with `sender` the model Suppression
and `suppression`, its row. `message_suppressed` has the arguments of the first two and
`sender` the backend.

message_suppressed      these recipients did not get it, as they are on the do-not-mail list
address_suppressed      an address is on the list that was not there for this reason
suppression_lifted      it was taken off
"""

from __future__ import annotations

from django.dispatch import Signal

__all__ = [
    "address_suppressed",
    "message_failed",
    "message_sent",
    "message_suppressed",
    "outbox_failed",
    "outbox_partly_refused",
    "outbox_queued",
    "outbox_sent",
    "outbox_suppressed",
    "suppression_lifted",
]

message_sent = Signal()
message_failed = Signal()

outbox_queued = Signal()
outbox_sent = Signal()
outbox_partly_refused = Signal()
outbox_failed = Signal()
outbox_suppressed = Signal()

message_suppressed = Signal()
address_suppressed = Signal()
suppression_lifted = Signal()
