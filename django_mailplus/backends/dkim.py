"""Signs mail for the domain that it comes from (DKIM, RFC 6376)."""

from __future__ import annotations

import base64
import email
import email.policy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.mail import EmailMessage

from django_mailplus.backends.base import MailplusBackend, WrapperBackend
from django_mailplus.chain import find_backend
from django_mailplus.compat import InvalidMailer
from django_mailplus.dkim.canonical import fields_of, split
from django_mailplus.dkim.keys import Key, read_key
from django_mailplus.dkim.signing import sign
from django_mailplus.exceptions import UnsendableMessageError
from django_mailplus.message.carried import finished
from django_mailplus.message.envelope import bare_address, domain_of
from django_mailplus.message.wire import to_bytes

__all__ = ["EmailBackend"]

_FIELDS = ("domain", "selector", "key", "password")
_REPAIR = (
    "manage.py dkimkey makes a key. The signing stands directly before a mailer with "
    "BACKEND 'django_mailplus.backends.smtp.EmailBackend'."
)
_SEVEN_BITS = email.policy.compat32.clone(
    cte_type="7bit", max_line_length=None, linesep="\r\n"
)


class EmailBackend(WrapperBackend):
    """Signs each message with the keys of the domain in its From, or of a domain above.

    `keys` is a list of dicts: `domain`, `selector`, `key` (a PEM, the path of one, or an
    Ed25519 seed in base64), and `password` for a PEM that is encrypted. Several for one
    domain, such as RSA and Ed25519, sign each message together. What is signed has 7-bit
    lines, so that no server has to write it anew.

    The mailer in `using` must send our bytes as they are: SMTP does, the API of a provider
    does not, and signs by itself. Raises `InvalidMailer` for a key that cannot be used, and
    ValueError for a message from a domain without a key.
    """

    def __init__(
        self, *, keys: Sequence[Mapping[str, Any]] = (), **options: Any
    ) -> None:
        super().__init__(**options)
        for problem in _mistakes(keys, self.using[0]):
            raise InvalidMailer(problem, alias=self.alias)
        try:
            self._keys = _read(tuple(map(_as_tuple, keys)))
        except (ValueError, OSError) as error:
            raise InvalidMailer(f"'keys': {error}", alias=self.alias) from None

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        using = options.get("using")
        problems = [
            *_mistakes(
                options.get("keys", ()), using if isinstance(using, str) else None
            )
        ]
        if not problems:
            try:
                _read(tuple(map(_as_tuple, options["keys"])))
            except (ValueError, OSError, ImportError) as error:
                problems = [f"'keys': {error}"]
        return [
            *super().check(alias, options),
            *(
                Error(
                    f"MAILERS[{alias!r}]: {problem}", hint=_REPAIR, id="mailplus.E051"
                )
                for problem in problems
            ),
        ]

    def prepare(self, message: EmailMessage) -> EmailMessage:
        data = _seven_bits(to_bytes(message))
        return finished(message, sign(data, self._keys_for(_author(data))))

    def _keys_for(self, sender: str) -> list[Key]:
        domain = domain_of(sender).encode("idna").decode()
        while domain:
            if domain in self._keys:
                return self._keys[domain]
            domain = domain.partition(".")[2]
        known = ", ".join(sorted(self._keys))
        raise UnsendableMessageError(
            f"There is no DKIM key for the domain of the sender (there are: {known})."
        )


def _author(data: bytes) -> str:
    """The address in the header From, which may be another than the envelope's."""
    head, _ = split(data)
    values = [value for name, value in fields_of(head) if name == b"from"]
    text = b"".join(values[:1]).decode().replace("\r\n", "").strip()
    return bare_address(text)


def _seven_bits(data: bytes) -> bytes:
    """Parts with other bytes are written in base64, whatever charset they name."""
    if data.isascii():
        return data
    message = email.message_from_bytes(data, policy=_SEVEN_BITS)
    for part in message.walk():
        if not part.is_multipart() and not str(part.get_payload()).isascii():
            content: Any = part.get_payload(decode=True)
            del part["Content-Transfer-Encoding"]
            part["Content-Transfer-Encoding"] = "base64"
            part.set_payload(base64.encodebytes(content).decode())
    return message.as_bytes()


def _as_tuple(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(name) for name in _FIELDS)


@lru_cache(maxsize=64)
def _read(entries: tuple[tuple[Any, ...], ...]) -> dict[str, list[Key]]:
    """Once for a process: to read a key takes longer than to sign with it."""
    found: dict[str, list[Key]] = {}
    for domain, selector, private, password in entries:
        key = read_key(private, domain=domain, selector=selector, password=password)
        found.setdefault(key.domain, []).append(key)
    return found


def _mistakes(keys: Any, using: str | None) -> Iterator[str]:
    if not isinstance(keys, list | tuple) or not keys:
        yield "OPTIONS must define 'keys': a list of dicts with domain, selector and key."
        return
    for entry in keys:
        yield from _mistakes_of(entry)
    if using is not None and (reason := _alters(using)):
        yield reason


def _mistakes_of(entry: Any) -> Iterable[str]:
    if not isinstance(entry, Mapping):
        yield f"'keys' holds a {type(entry).__name__}; it takes dicts."
        return
    if unknown := sorted(map(repr, entry.keys() - set(_FIELDS))):
        yield f"a key has the unknown fields {', '.join(unknown)}; there are {', '.join(_FIELDS)}."
    for name in _FIELDS[:3]:
        if not entry.get(name):
            yield f"a key lacks its {name!r}."


def _alters(using: str) -> str | None:
    try:
        backend = find_backend(using)
    except ImportError:
        return None  # told by another check
    if not isinstance(backend, type) or not issubclass(backend, MailplusBackend):
        path = f"{getattr(backend, '__module__', '')}"
        if path.startswith("django.core.mail.backends.") and "smtp" not in path:
            return None  # of a developer, who looks at the signed mail
    elif backend.verbatim:
        return None
    return (
        f"'using' names {using!r}, which does not send our bytes as they are, so that a "
        "signature would be broken. Put the signing directly before a mailer of "
        "django_mailplus.backends.smtp."
    )
