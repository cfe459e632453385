"""Which recipients the server refuses on request, so that a failure can be tried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FailRules", "parse_fail_rule"]

# RFC 3463: what a server would say beside the basic code. Other codes get x.0.0.
_ENHANCED = {
    421: "4.3.2",
    450: "4.2.0",
    451: "4.3.0",
    452: "4.2.2",
    550: "5.1.1",
    551: "5.1.6",
    552: "5.2.2",
    553: "5.1.3",
    554: "5.7.1",
}


def parse_fail_rule(text: str) -> tuple[str, int]:
    """The address and code of `ADDRESS=CODE`; ValueError says what is wrong with others."""
    address, equals, code = text.rpartition("=")
    if not equals:
        raise ValueError(
            f"{text!r} names no reply code. Write ADDRESS=CODE, such as gone@example.com=550."
        )
    if not (code.isascii() and code.isdigit()):
        raise ValueError(
            f"{code!r} in {text!r} is not a reply code. Use one from 400 to 599."
        )
    _check(address, int(code))
    return address, int(code)


@dataclass(frozen=True, slots=True)
class FailRules:
    """Codes by address; `*@example.com` stands for every address there, `*` for every one.

    An exact address goes before its domain, and a domain before `*`. Case is ignored.
    """

    rules: Mapping[str, int] = field(repr=False)

    def __post_init__(self) -> None:
        for address, code in self.rules.items():
            _check(address, code)

    def reply_to(self, address: str) -> str | None:
        """The SMTP reply that refuses this recipient, or None to accept it."""
        folded = {pattern.casefold(): code for pattern, code in self.rules.items()}
        address = address.casefold()
        for pattern in (address, f"*@{address.rpartition('@')[2]}", "*"):
            if code := folded.get(pattern):
                enhanced = _ENHANCED.get(code, f"{code // 100}.0.0")
                return (
                    f"{code} {enhanced} Refused, as this development server was told to"
                )
        return None


def _check(address: str, code: int) -> None:
    name, _, domain = address.rpartition("@")
    if address != "*" and not (
        name and domain and address.isprintable() and " " not in address
    ):
        raise ValueError(
            f"{address!r} is not an address. Write one, such as gone@example.com, "
            "or *@example.com for every address of a domain."
        )
    if not 400 <= code <= 599:
        raise ValueError(
            f"{code} does not refuse anything. Use a code from 400 to 599."
        )
