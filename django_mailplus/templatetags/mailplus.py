"""`{% load mailplus %}` and then `{% if user|email_verified %}`."""

from __future__ import annotations

from typing import Any

from django import template

from django_mailplus.verification import is_email_verified

register = template.Library()


@register.filter
def email_verified(user: Any) -> bool:
    """Whether the user has proved the current address; False for visitors without login."""
    return bool(getattr(user, "pk", None)) and is_email_verified(user)
