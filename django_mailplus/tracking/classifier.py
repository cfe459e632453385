"""Why a mail was not wanted or not delivered, from the event of a provider.

Whether a bounce is for good django-anymail does not say: "bounced" may be a mailbox that
is full. It hands on what the provider sent, and that is read here by the tables of
`rules`. This module imports neither Django nor django-anymail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from django_mailplus.tracking.rules import (
    ALSO_CALLED,
    BY_TYPE,
    LISTS,
    NAMES_NOBODY,
    RULES,
    SURE,
    Kind,
)

__all__ = ["classify_event", "names_of", "tells_whom"]

# Not a part of an address such as 5.1.1.7.
_ENHANCED = re.compile(r"(?<![\d.])([245])(\.\d{1,3})(\.\d{1,3})(?![\d.]*\d)")


def classify_event(
    provider: str,
    event_type: str,
    esp_event: object,
    *,
    reject_reason: str = "",
    recipients: int | None = None,
) -> Kind:
    """What an event means for its recipient; never raises.

    `provider`, `event_type` and `reject_reason` are in the words of django-anymail,
    `esp_event` is what the provider sent. `recipients` is how many the event may be
    about, where that is known. In doubt it is "undetermined", and so is all that a
    provider says whom we do not know.
    """
    if event_type not in BY_TYPE:
        return ""
    least, possible = BY_TYPE[event_type]
    provider = ALSO_CALLED.get(provider, provider)
    found = next(_kinds(provider, esp_event), None)
    if found is None:
        blocked = reject_reason == "blocked" and provider in RULES
        found = "block" if blocked else least
    if found == "undetermined":
        return found
    kind = found if found in possible else least
    if kind in SURE and not tells_whom(provider, esp_event, recipients):
        return "undetermined"
    return kind


def tells_whom(provider: str, esp_event: object, recipients: int | None = None) -> bool:
    """Whether the recipient that django-anymail names is surely the one it is about."""
    provider = ALSO_CALLED.get(provider, provider)
    found = (_value(esp_event, path) for path in LISTS.get(provider, ()))
    if sum(len(each) for each in found if isinstance(each, list)) > 1:
        return False
    return provider not in NAMES_NOBODY or recipients is None or recipients == 1


def names_of(provider: str) -> frozenset[str]:
    """What a provider may have been called when a mail was handed to it."""
    now = ALSO_CALLED.get(provider, provider)
    before = (old for old, new in ALSO_CALLED.items() if new == now)
    return frozenset({now, *before})


def _kinds(provider: str, esp_event: object) -> Iterator[Kind]:
    for rule in RULES.get(provider, ()):
        values = [_value(esp_event, path) for path in rule.fields]
        if not all(isinstance(value, str | int) for value in values):
            continue
        said = "/".join(str(value).lower() for value in values)
        for key in _enhanced(said) if rule.is_status else (said,):
            if key in rule.kinds:
                yield rule.kinds[key]


def _enhanced(said: str) -> Iterator[str]:
    if found := _ENHANCED.search(said):
        kind, subject, detail = found.groups()
        yield from (kind + subject + detail, kind + subject, kind)


def _value(found: object, path: str) -> object:
    """What stands at the end of the path; None for nothing."""
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        if name == "*":
            found = next(iter(found.values())) if len(found) == 1 else None
        else:
            found = found.get(name)
    return found
