"""A certificate for STARTTLS, made for one run of the server and then forgotten."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django_mailplus.exceptions import MissingExtraError

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Certificate", "make_certificate", "server_context"]

LIFETIME = timedelta(days=7)  # a development server is restarted more often
_CLOCK_SKEW = timedelta(hours=1)  # between this machine and a container on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A self-signed certificate and its key, both PEM; clients may trust the first."""

    public: bytes
    private_key: bytes = field(repr=False)


def make_certificate(host: str) -> Certificate:
    """A certificate for localhost, its addresses and `host`."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError:
        raise MissingExtraError("STARTTLS", extra="smtpserver") from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "django-mailplus development server")]
    )
    now = datetime.now(tz=UTC)
    # A leaf, not an authority: whoever trusts it trusts this one server and nothing more.
    # The extensions are those that strict verification (the default of Python 3.13) wants.
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            critical=False,
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        public=certificate.public_bytes(serialization.Encoding.PEM),
        private_key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """A TLS context of a server with that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # The ssl module reads certificates from files only. This one is made readable by its
    # owner alone, in a directory that is too, and is gone before anybody connects.
    with tempfile.TemporaryDirectory(prefix="mailplus-") as directory:
        path = Path(directory) / "server.pem"
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(certificate.private_key + certificate.public)
        context.load_cert_chain(path)
    return context


def _names(host: str) -> list[x509.GeneralName]:
    from cryptography import x509

    names: dict[str, x509.GeneralName] = {"localhost": x509.DNSName("localhost")}
    for address in ("127.0.0.1", "::1"):
        names[address] = x509.IPAddress(ipaddress.ip_address(address))
    try:
        names.setdefault(host, x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        if host.isascii():  # DNSName takes A-labels only
            names.setdefault(host, x509.DNSName(host))
    return list(names.values())
