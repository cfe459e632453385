"""What became of a message, recipient by recipient, and who is at fault when it failed.

A backend sets a `DeliveryResult` on the caller's message as `message.delivery_result`:
`set_result` and `get_result` are the way for code with types.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage

from django_mailplus.exceptions import NoMailerError, RateLimitError
from django_mailplus.message.envelope import bare_address

__all__ = [
    "DeliveryResult",
    "Fault",
    "Kind",
    "RecipientResult",
    "answer_lost",
    "classify",
    "code_in",
    "get_result",
    "http_status",
    "mark_unsent",
    "recipients_in",
    "seconds_until_room",
    "set_result",
    "unsent",
]

Kind = Literal["accepted", "transient", "permanent", "unknown", "suppressed"]
"""accepted: the server took responsibility; transient: a later try may succeed;
permanent: it will not; unknown: the answer was lost, the mail may have gone out;
suppressed: one of our own backends kept it back on purpose, and no server was asked."""

Fault = Literal["message", "recipient", "mailer", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecipientResult:
    """The server's answer about one address.

    `code` is the reply code (RFC 5321 section 4.2), None when no reply came;
    `enhanced` the enhanced code (RFC 3463) or ""; `text` the words of the server,
    or of the error that stood in the way. `own` is whether the server said it of this
    address, and not of the sender or of the whole message.
    """

    address: str
    kind: Kind
    code: int | None = None
    enhanced: str = ""
    text: str = ""
    own: bool = False

    def __repr__(self) -> str:  # addresses and texts stay out of logs
        return f"<RecipientResult {self.kind} {self.code or 'no reply'}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DeliveryResult:
    """The outcome of one message.

    `code`, `enhanced` and `text` are the server's final reply, as in RecipientResult;
    `message_id` is the Message-ID that went out, `mailer` the alias that sent it (None
    outside MAILERS), `seconds` the time taken by this message, without connecting.
    """

    recipients: tuple[RecipientResult, ...]
    code: int | None = None
    enhanced: str = ""
    text: str = ""
    message_id: str = ""
    mailer: str | None = None
    seconds: float = 0.0

    @property
    def accepted(self) -> tuple[RecipientResult, ...]:
        return tuple(r for r in self.recipients if r.kind == "accepted")

    @property
    def refused(self) -> tuple[RecipientResult, ...]:
        """Everyone whose mail was not accepted, for whatever reason."""
        return tuple(r for r in self.recipients if r.kind != "accepted")

    def __repr__(self) -> str:
        counts: dict[str, int] = {}
        for recipient in self.recipients:
            counts[recipient.kind] = counts.get(recipient.kind, 0) + 1
        told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        return (
            f"<DeliveryResult {self.message_id or 'no id'}: {told or 'no recipients'}>"
        )


def set_result(message: EmailMessage, result: DeliveryResult | None) -> None:
    """Say on a message what became of it; None, as each send begins, for nothing yet."""
    message.delivery_result = result  # type: ignore[attr-defined]  # Django has none


def get_result(message: EmailMessage) -> DeliveryResult | None:
    """What was said last; None also where no backend of ours has sent it."""
    result: DeliveryResult | None = getattr(message, "delivery_result", None)
    return result


def unsent(
    addresses: Iterable[str],
    error: BaseException | None,
    *,
    kind: Kind = "transient",
    mailer: str | None = None,
) -> DeliveryResult:
    """The result of a message that no server was asked to take.

    The text names the class of the error only: its words may hold an address.
    """
    text = "Not sent" if error is None else f"Not sent: {type(error).__name__}"
    return DeliveryResult(
        recipients=tuple(
            RecipientResult(address=a, kind=kind, text=text) for a in addresses
        ),
        text=text,
        mailer=mailer,
    )


def recipients_in(
    error: BaseException, addresses: Iterable[str] | None = None
) -> tuple[RecipientResult, ...]:
    """What an error says of each of these bare addresses, where no result says it.

    Without them of those that the error names; or once for all, with the address "".
    """
    refused = getattr(error, "recipients", None)
    said = refused.items() if isinstance(refused, dict) else ()
    # Some Djangos note recipients with their names.
    codes = {bare_address(written): code for written, (code, _) in said}
    # One that is written in another way may be tried again, if any may.
    usual = min(codes.values(), default=code_in(error))
    told = []
    for address in (codes or ("",)) if addresses is None else addresses:
        code = codes.get(address, usual)
        [recipient] = unsent([address], error, kind=_kind_in(error, code)).recipients
        told.append(replace(recipient, code=code))
    return tuple(told)


def _kind_in(error: BaseException, code: int | None) -> Kind:
    if (fault := classify(error)) == "unknown":
        return "unknown"
    for_now = fault == "mailer" or (code is not None and code // 100 == 4)
    return "transient" if for_now else "permanent"


def code_in(error: BaseException) -> int | None:
    """The reply code of a server, in an error as smtplib raises it."""
    code = getattr(error, "smtp_code", None)
    return code if isinstance(code, int) and 200 <= code < 600 else None


_KNOWN_UNSENT = "mailplus_known_unsent"


def mark_unsent(error: BaseException) -> None:
    """Note on an error that no message left before it, for `classify`."""
    setattr(error, _KNOWN_UNSENT, True)


def seconds_until_room(error: BaseException | None) -> float | None:
    """Seconds until there is room again, where that is all that kept a mail from leaving."""
    if isinstance(error, RateLimitError | NoMailerError):
        return error.retry_after
    return None


def classify(error: BaseException) -> Fault:
    """Who is at fault: decides whether another mailer, or another try, makes sense.

    "mailer": nothing was sent and any message would fail here (connecting, TLS, login,
    421). "recipient": these addresses were refused. "message": this message was
    refused, or cannot be written. "unknown": the message may or may not have gone out.
    Of a provider's API it is the HTTP status that tells (RFC 9110 section 15), or what
    the HTTP client met instead of an answer. Never looks at the text of an error.
    """
    if (fault := _of_a_provider(error)) is not None:
        return fault
    match error:
        case smtplib.SMTPRecipientsRefused():
            codes = {code for code, _ in error.recipients.values()}
            return "mailer" if codes & _MAILER_CODES else "recipient"
        case smtplib.SMTPSenderRefused() | smtplib.SMTPDataError() if (
            error.smtp_code // 100 in (4, 5)
        ):
            return "mailer" if error.smtp_code in _MAILER_CODES else "message"
        case (
            smtplib.SMTPAuthenticationError()
            | smtplib.SMTPConnectError()
            | smtplib.SMTPHeloError()
        ):
            return "mailer"
        case (
            smtplib.SMTPServerDisconnected()
            | smtplib.SMTPResponseException()  # a reply that makes no sense
            | TimeoutError()
            | ConnectionResetError()
            | ConnectionAbortedError()
            | BrokenPipeError()
        ):
            return "mailer" if getattr(error, _KNOWN_UNSENT, False) else "unknown"
        case (
            ImproperlyConfigured()
            | smtplib.SMTPException()
            | ssl.SSLError()
            | OSError()
        ):
            return "mailer"
        case ValueError() | TypeError() | LookupError():
            # While connecting: the host or the password cannot be written. Later:
            # header injection, an invalid address, an unknown charset.
            return "mailer" if getattr(error, _KNOWN_UNSENT, False) else "message"
    return "unknown"


# 421: the service closes (RFC 5321 3.8); 432, 454, 530, 534, 535, 538: log-in (RFC 4954).
_MAILER_CODES = frozenset({421, 432, 454, 530, 534, 535, 538})

# Bad request, content too large, unsupported type, unprocessable: of this request alone.
# Others below 500, such as 401, 403 and 429, would meet any message. From there on a server
# failed while it was at it, or one behind it did not answer (RFC 9110 section 15.6), and the
# mail may have been taken before; 503 alone says that it takes none for now.
_HTTP_OF_A_MESSAGE = frozenset({400, 413, 415, 422})
_HTTP_UNAVAILABLE = 503


def answer_lost(error: BaseException) -> bool:
    """Whether the request or the content had left, and no answer came that can be read.

    Of the errors that `classify` calls unknown, those for which it is known why.
    """
    if classify(error) != "unknown":
        return False
    lost = isinstance(error, smtplib.SMTPException | OSError)
    return lost or _of_a_provider(error) == "unknown"


def _of_a_provider(error: BaseException) -> Fault | None:
    """None for an error that is not of an HTTP client."""
    if getattr(error, _KNOWN_UNSENT, False):  # it was asked for a token, say
        return None
    if (status := http_status(error)) is not None:
        taken = status < 300  # in words that the backend could not read
        if taken or (status >= 500 and status != _HTTP_UNAVAILABLE):
            return "unknown"
        return "message" if status in _HTTP_OF_A_MESSAGE else "mailer"
    met = {name for each in _chain(error) for name in _names(each)}
    if met & _NO_ANSWER:
        return "unknown"
    return "mailer" if met & _NOT_REACHED else None


def http_status(error: BaseException) -> int | None:
    """In an error of a provider's API, as `requests`, `httpx` and django-anymail say it."""
    response = getattr(error, "response", None)
    for holder in (error, response):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int) and 200 <= status < 600:
            return status
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those it came from, as a traceback shows them."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        hidden = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or hidden


def _names(error: BaseException) -> Iterator[str]:
    """Package and name of its class and of those above: nothing need be imported."""
    for each in type(error).__mro__:
        yield f"{each.__module__.partition('.')[0]}.{each.__name__}"


# The request had left, or was leaving.
_NO_ANSWER = frozenset(
    {
        "botocore.ConnectionClosedError",
        "botocore.ReadTimeoutError",
        "http.RemoteDisconnected",
        "httpx.ReadError",
        "httpx.ReadTimeout",
        "httpx.RemoteProtocolError",
        "httpx.WriteError",
        "httpx.WriteTimeout",
        "json.JSONDecodeError",  # of a 2xx: others are asked for their status
        "requests.ChunkedEncodingError",
        "requests.ReadTimeout",
        "urllib3.ProtocolError",
        "urllib3.ReadTimeoutError",
    }
)
_NOT_REACHED = frozenset(
    {
        "botocore.ConnectTimeoutError",
        "botocore.EndpointConnectionError",
        "botocore.ProxyConnectionError",
        "httpx.ConnectError",
        "httpx.ConnectTimeout",
        "httpx.PoolTimeout",
        "httpx.ProxyError",
        "requests.ConnectionError",
        "urllib3.ConnectTimeoutError",
        "urllib3.NewConnectionError",
    }
)
