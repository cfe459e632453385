"""Signals that tell what became of a message; nothing of ours is done by them.

Both are sent by the backend that talked to the server, with `sender` the EmailBackend class of its module and
the arguments `message` (as the caller gave it to that backend), `result` (its
`DeliveryResult`) and `recipients` (the tuple of `RecipientResult` that the signal is
about). A receiver that raises is logged and changes nothing.

message_sent     the server accepted the message for these recipients
message_failed   it did not: refused, not reached, or no answer
"""

from __future__ import annotations

from django.dispatch import Signal

__all__ = ["message_failed", "message_sent"]

message_sent = Signal()
message_failed = Signal()
