"""The headers by which mail programs show "Unsubscribe" (RFC 2369, RFC 8058)."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.urls import NoReverseMatch, reverse

from django_mailplus.exceptions import UnsendableMessageError
from django_mailplus.message.carried import finished
from django_mailplus.message.envelope import bare_address, everybody
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.message.merging import MERGED_BY
from django_mailplus.message.pristine import writes_as_django
from django_mailplus.message.whole_header import WholeHeader
from django_mailplus.message.wire import to_bytes
from django_mailplus.pages.links import absolute_url, base_url
from django_mailplus.suppression.tokens import make_token

__all__ = [
    "mailboxes",
    "preferences_url",
    "unsubscribe_headers",
    "unsubscribe_url",
    "with_headers",
]


def unsubscribe_headers(message: EmailMessage, stream: str) -> dict[str, str]:
    """For `message.extra_headers`: one click, and its only recipient leaves the stream.

    Raises `UnsendableMessageError` for a message to several, as each needs a link of his own, and
    ImproperlyConfigured where no address can be put before the link.
    """
    addresses = mailboxes(message)
    if len(addresses) != 1:
        raise UnsendableMessageError(
            f"A message of the stream {stream!r} has {len(addresses)} recipients, and the "
            "link in it would unsubscribe one of them for all. Send one message to each."
        )
    return _headers_for(addresses[0], stream)


def mailboxes(message: EmailMessage) -> list[str]:
    """The addresses that get it; two that are spelled differently and lead to one are one."""
    return [
        *{lookalike_key(address): address for address in everybody(message)}.values()
    ]


def _headers_for(address: str, stream: str) -> dict[str, str]:
    return {
        "List-Unsubscribe": WholeHeader(
            "List-Unsubscribe", f"<{unsubscribe_url(address, stream)}>"
        ),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def unsubscribe_url(address: str, stream: str) -> str:
    """For the body of a mail: a page with a button, by which the address leaves the stream."""
    return _url("unsubscribe", address, stream)


def preferences_url(address: str, stream: str = "") -> str:
    """For the body of a mail: a page on which all streams can be left and joined again."""
    return _url("preferences", address, stream)


def _url(page: str, address: str, stream: str) -> str:
    token = make_token(bare_address(address), stream)
    try:
        path = reverse(f"mailplus_unsubscribe:{page}", args=[token])
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            'There is no page to unsubscribe on. Add path("mail/", '
            'include("django_mailplus.suppression.urls")) to the URLconf that ROOT_URLCONF '
            "names."
        ) from error
    return absolute_url(base_url(), path)


def with_headers(message: EmailMessage, stream: str) -> EmailMessage:
    """A message of a bulk stream that has the headers; those that are there stay.

    One that a provider takes apart, a message for each recipient, gets them for each.
    The message is changed in place, unless its class writes itself.
    """
    if not writes_as_django(message):
        return _before_what_is_written(message, stream)
    if "list-unsubscribe" in {name.lower() for name in message.extra_headers}:
        return message
    if not _is_taken_apart(message):
        added = unsubscribe_headers(message, stream)
        others = message.extra_headers.items()
        kept = {name: text for name, text in others if name.lower() not in _NAMES}
        message.extra_headers = kept | added
        return message
    each = dict(getattr(message, "merge_headers", None) or {})
    for address in everybody(message):
        each[address] = _headers_for(address, stream) | dict(each.get(address, {}))
    message.merge_headers = each  # type: ignore[attr-defined]
    return message


def _before_what_is_written(message: EmailMessage, stream: str) -> EmailMessage:
    data = to_bytes(message)
    head = b"\r\n" + data.partition(b"\r\n\r\n")[0].lower()
    if b"\r\nlist-unsubscribe:" in head:
        return message
    lines = "".join(
        f"{name}: {value}\r\n"
        for name, value in unsubscribe_headers(message, stream).items()
        if f"\r\n{name}:".lower().encode() not in head
    )
    return finished(message, lines.encode() + data)


_NAMES = frozenset({"list-unsubscribe", "list-unsubscribe-post"})


def _is_taken_apart(message: EmailMessage) -> bool:
    """As django-anymail sees it: any of these, even if it is empty."""
    return any(getattr(message, name, None) is not None for name in MERGED_BY)
