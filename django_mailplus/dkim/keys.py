"""Keys of a domain: read, made, and told to the DNS."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from django_mailplus.exceptions import MissingExtraError

__all__ = ["Key", "KeyFormatError", "dns_record", "dns_strings", "new_key", "read_key"]

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
LEAST_BITS = 1024  # RFC 8301 section 3.2; signers should have 2048
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


class KeyFormatError(ValueError):
    """A key that cannot be read, or must not be used; the text does not hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What signs for a domain: `selector` says where in its DNS the public half stands."""

    domain: str
    selector: str
    algorithm: Algorithm
    sign: Callable[[bytes], bytes] = field(repr=False)
    public: str = field(repr=False)  # base64, for the record


def read_key(
    private: str | bytes | Path,
    *,
    domain: str,
    selector: str,
    password: str | None = None,
) -> Key:
    """The key in a PEM text or file, or an Ed25519 seed of 32 bytes in base64.

    Raises KeyFormatError, and `MissingExtraError` without the package `cryptography`.
    """
    domain, selector = _name(domain, "domain"), _name(selector, "selector")
    loaded = _load(_text(private), password)
    return _key(loaded, domain, selector)


def new_key(
    *, domain: str, selector: str, algorithm: Algorithm = "rsa-sha256", bits: int = 2048
) -> tuple[Key, Callable[[str | None], bytes]]:
    """A new key, and what writes it as PEM, encrypted where there is a password."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    if algorithm == "ed25519-sha256":
        made: Any = ed25519.Ed25519PrivateKey.generate()
    else:
        made = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def pem(password: str | None) -> bytes:
        locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            locked = serialization.BestAvailableEncryption(password.encode())
        written: bytes = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
        )
        return written

    return _key(made, _name(domain, "domain"), _name(selector, "selector")), pem


def dns_record(key: Key) -> tuple[str, str]:
    """The name of the TXT record, and what it says (RFC 6376 section 3.6.1)."""
    kind = "ed25519" if key.algorithm == "ed25519-sha256" else "rsa"
    return (
        f"{key.selector}._domainkey.{key.domain}",
        f"v=DKIM1; k={kind}; p={key.public}",
    )


def dns_strings(record: str) -> str:
    """As zone files want it: in strings of 255 characters at most (RFC 1035 3.3)."""
    parts = [record[start : start + 255] for start in range(0, len(record), 255)]
    return " ".join(f'"{part}"' for part in parts)


def _key(private: Any, domain: str, selector: str) -> Key:
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    except ImportError:
        raise MissingExtraError("DKIM", extra="dkim") from None
    known: dict[str, Any] = {"domain": domain, "selector": selector}
    public = private.public_key()
    if isinstance(private, ed25519.Ed25519PrivateKey):
        raw = public.public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        return Key(
            algorithm="ed25519-sha256",
            # RFC 8463 section 3: of the hash, not of the data.
            sign=lambda data: private.sign(hashlib.sha256(data).digest()),
            public=base64.b64encode(raw).decode(),
            **known,
        )
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyFormatError("The key is neither RSA nor Ed25519.")
    if private.key_size < LEAST_BITS:
        raise KeyFormatError(
            f"The key has {private.key_size} bits; receivers refuse fewer than "
            f"{LEAST_BITS} (RFC 8301 section 3.2)."
        )
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    info = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Key(
        algorithm="rsa-sha256",
        sign=lambda data: private.sign(data, scheme, digest),
        public=base64.b64encode(info).decode(),
        **known,
    )


def _text(private: str | bytes | Path) -> bytes:
    if isinstance(private, bytes):
        return private
    if isinstance(private, str):
        if "-----BEGIN" in private:
            # From an environment variable the lines often come with their ends spelled out.
            return private.replace("\\n", "\n").strip().encode()
        if re.fullmatch(r"[A-Za-z0-9+/]{43}=", private.strip()):
            return private.strip().encode()
    try:
        return Path(private).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        remedy = " `manage.py dkimkey` makes one." * isinstance(
            error, FileNotFoundError
        )
        # Without what was given: it may be a key that lost its first line.
        raise KeyFormatError(
            f"The key is no PEM, no seed, and no file that can be read ({why}).{remedy}"
        ) from None


def _load(data: bytes, password: str | None) -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise MissingExtraError("DKIM", extra="dkim") from None
    if b"-----BEGIN" not in data:
        seed = base64.b64decode(data)
        if len(seed) != 32:
            raise KeyFormatError("The key is no PEM, nor 32 bytes in base64.")
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    secret = password.encode() if password else None
    try:
        return serialization.load_pem_private_key(data, secret)
    except TypeError:
        raise KeyFormatError(
            "The key is not encrypted, but there is a password for it."
            if password
            else "The key is encrypted, and there is no password for it."
        ) from None
    except Exception as error:
        # What the library says may hold the key.
        kind = type(error).__name__
        raise KeyFormatError(
            f"The key cannot be read: it is damaged, or the password is wrong ({kind})."
        ) from None


def _name(name: str, what: str) -> str:
    """A name of the DNS, as it is on the wire."""
    try:
        wire = name.strip().strip(".").encode("idna").decode().lower()
    except UnicodeError:
        wire = ""
    if not wire or not all(_LABEL.fullmatch(label) for label in wire.split(".")):
        raise KeyFormatError(f"The {what} {name!r} is no name of the DNS.")
    return wire
