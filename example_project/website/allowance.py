"""A limit on mail to a visitor's own address.

Only proved addresses are mailed; even so, a button that sends mail wants a limit.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.cache import cache

MAILS_PER_HOUR = 20


def use_allowance(user: User) -> bool:
    """Count one mail to the user's own address; False when this hour's are used up."""
    key = f"mails-to-own-address:{user.pk}"
    cache.add(key, 0, timeout=3600)
    try:
        return cache.incr(key) <= MAILS_PER_HOUR
    except ValueError:  # the hour ended between the two lines
        return True
