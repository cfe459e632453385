"""The state of the outbox in Prometheus' text format, version 0.0.4: numbers, no addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django_mailplus.outbox.states import State
from django_mailplus.outbox.status import QueueStatus

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_Sample = tuple[dict[str, str], float]


def exposition(status: QueueStatus) -> str:
    """One gauge after the other; every state of every mailer, those without mails as 0."""
    mailers = status.mailers
    return "".join(
        [
            *_gauge(
                "mailplus_outbox_messages",
                "Mails in the outbox.",
                (
                    (
                        {"mailer": mailer.alias, "state": state.value},
                        mailer.counts.get(state, 0),
                    )
                    for mailer in mailers
                    for state in State
                ),
            ),
            *_gauge(
                "mailplus_outbox_due",
                "Mails that could be sent now.",
                (({"mailer": mailer.alias}, mailer.due) for mailer in mailers),
            ),
            *_gauge(
                "mailplus_outbox_oldest_seconds",
                "For how long a mail has been due, at most.",
                (({"mailer": mailer.alias}, mailer.oldest) for mailer in mailers),
            ),
            *_gauge(
                "mailplus_outbox_mailer_paused",
                "Whether the mailer is paused (1) or not (0).",
                (({"mailer": mailer.alias}, int(mailer.paused)) for mailer in mailers),
            ),
        ]
    )


def _gauge(name: str, meaning: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        inside = ",".join(
            f'{label}="{_escaped(text)}"' for label, text in labels.items()
        )
        yield f"{name}{{{inside}}} {round(value, 3)}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
