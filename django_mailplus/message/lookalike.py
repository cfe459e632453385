"""When two addresses look alike: spellings that a reader or a provider takes for one.

Limits, and what is done for the sake of whoever reads the mailbox, have to be lenient, or
one mailbox is mailed as often as it can be spelled (CVE-2019-19844).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

__all__ = ["digest", "lookalike_key"]

_QUOTED_PAIR = re.compile(r"\\(.)")  # RFC 5321 section 4.1.2


def lookalike_key(email: str) -> str:
    """64 characters that are equal for all that a reader or a provider may take for the same."""
    local, at, domain = email.strip().rpartition("@")
    if local[:1] == local[-1:] == '"':  # "ann"@example.com is ann@example.com
        local = _QUOTED_PAIR.sub(r"\1", local[1:-1])
    spelled = f"{local}{at}{_in_unicode(domain)}"
    if not spelled.isascii():
        spelled = unicodedata.normalize("NFKC", spelled)
    return digest(spelled.casefold())


@lru_cache(maxsize=1_000)
def _in_unicode(domain: str) -> str:
    """A domain as people read it, of all that leads to the same (RFC 3490 section 4)."""
    try:
        return domain.encode("idna").lower().decode("idna").rstrip(".")
    except UnicodeError:
        return domain.rstrip(".")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
