"""Logging in: which mechanism, what it says, and access tokens that are kept fresh.

A password is tried once. smtplib tries up to three mechanisms with the same wrong
password, which locks accounts out after half as many mistakes as their owners think.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import inspect
import threading
import time
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Any

__all__ = [
    "Respond",
    "Tokens",
    "cram_md5",
    "decode_challenge",
    "encode_response",
    "login",
    "oauthbearer",
    "password_mechanisms",
    "plain",
    "require_ascii",
    "token_mechanisms",
    "xoauth2",
]

Respond = Callable[[bytes | None], bytes | None]
"""From a challenge to the response; None asks for an initial response, if there is one."""

EARLY = 300.0  # seconds before a token expires in which it is replaced already


def password_mechanisms(offered: str, *, encrypted: bool) -> list[str]:
    """What can be used with a password, the best first.

    TLS protects PLAIN, and PLAIN lets the server keep a salted hash. Without TLS only
    CRAM-MD5 keeps the password off the wire.
    """
    best = ["PLAIN", "LOGIN", "CRAM-MD5"] if encrypted else ["CRAM-MD5"]
    names = offered.upper().split()
    known = dict.fromkeys([*best, "PLAIN", "LOGIN"])
    return [
        name for name in known if name in names and (name != "CRAM-MD5" or _has_md5())
    ]


def token_mechanisms(offered: str) -> list[str]:
    """What can be used with an access token; XOAUTH2 is what the large providers test."""
    names = offered.upper().split()
    return [name for name in ("XOAUTH2", "OAUTHBEARER") if name in names]


def plain(user: str, password: str) -> Respond:
    """RFC 4616."""
    return lambda challenge: f"\0{user}\0{password}".encode()


def login(user: str, password: str) -> Respond:
    """The user name, then the password; no RFC, but in wide use."""
    asked = 0

    def respond(challenge: bytes | None) -> bytes:
        nonlocal asked
        asked += 1
        # Some servers take no initial response and ask for the name once more.
        again = challenge is not None and challenge.lower().startswith(b"user")
        return (user if asked == 1 or (asked == 2 and again) else password).encode()

    return respond


def cram_md5(user: str, password: str) -> Respond:
    """RFC 2195."""

    def respond(challenge: bytes | None) -> bytes | None:
        if challenge is None:
            return None
        digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
        return f"{user} {digest}".encode()

    return respond


def xoauth2(user: str, token: str) -> Respond:
    """Google's and Microsoft's; an empty answer to the error asks for the final reply."""
    first = f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
    return lambda challenge: first if challenge is None else b""


def oauthbearer(user: str, token: str, *, host: str, port: int) -> Respond:
    """RFC 7628; the answer to the error is one ^A (section 3.2.3)."""
    name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
    first = (
        f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"
    ).encode()
    return lambda challenge: first if challenge is None else b"\x01"


def encode_response(response: bytes) -> str:
    return base64.b64encode(response).decode("ascii")


def decode_challenge(text: bytes) -> bytes | None:
    """What the server asks for; None if it is no base64, as some servers send text."""
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return None


def require_ascii(*credentials: str) -> None:
    """Raise UnicodeEncodeError, which unlike Python's own does not hold the password."""
    for text in credentials:
        strange = next((sign for sign in text if not sign.isascii()), "")
        if not strange:
            continue
        # Which invisible character it was helps to find it, and is no secret.
        invisible = unicodedata.category(strange) in ("Zs", "Cf")
        shown = strange if invisible else "\N{REPLACEMENT CHARACTER}"
        raise UnicodeEncodeError("ascii", shown, 0, 1, "ordinal not in range(128)")


def _has_md5() -> bool:
    try:
        hmac.new(b"", b"", "md5")
    except ValueError:  # FIPS mode
        return False
    return True


class Tokens:
    """Access tokens from `provider`, each used until shortly before it expires.

    The provider is called without arguments, or with `force=True`, if it takes that,
    once a server has refused the token. It returns the token, or the token and when it
    expires: seconds since the epoch or an aware datetime. Without that nothing is kept
    here, and the provider is asked for every login. Safe over threads; one asks, the
    others wait.
    """

    def __init__(self, provider: Callable[..., Any], *, early: float = EARLY) -> None:
        self._provider = provider
        self._early = early
        self._forcible = _takes_force(provider)
        self._lock = threading.Lock()
        self._token = ""
        self._expires = 0.0

    def __repr__(self) -> str:
        return "<Tokens>"

    def current(self) -> str:
        """A token that is valid for a while."""
        with self._lock:
            if self._token and time.time() < self._expires - self._early:
                return self._token
            return self._ask()

    def renew(self, refused: str) -> str:
        """Another token than the refused one, if the provider has one."""
        with self._lock:
            if self._token and self._token != refused:
                return self._token  # somebody else has renewed it meanwhile
            return self._ask(**({"force": True} if self._forcible else {}))

    def _ask(self, **options: bool) -> str:
        self._token, self._expires = "", 0.0
        answer = self._provider(**options)
        token, expires = answer if isinstance(answer, tuple) else (answer, None)
        if not isinstance(token, str) or not token:
            what = f"a {type(token).__name__}" if token else "nothing"
            raise TypeError(
                f"The token provider returned {what}; it returns the token as text, or "
                "the token and when it expires."
            )
        if expires is not None:
            stamp = expires.timestamp() if isinstance(expires, datetime) else expires
            self._token, self._expires = token, float(stamp)
        return token


def _takes_force(provider: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(provider).parameters.values()
    except (TypeError, ValueError):  # of a builtin
        return False
    return any(
        p.kind is p.VAR_KEYWORD
        or (p.name == "force" and p.kind is not p.POSITIONAL_ONLY)
        for p in parameters
    )
