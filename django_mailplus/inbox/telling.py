"""The page that follows a button: whether it was done, and why not."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from django_mailplus.delivery import DeliveryResult
from django_mailplus.inbox.release import NotReleasedError
from django_mailplus.inbox.rendering import inbox_response

__all__ = ["tell", "tell_of_sending"]


def tell(
    request: HttpRequest, title: str, text: str, *, back: str, status: int = 200
) -> HttpResponse:
    """A title, a sentence, and the way back."""
    context = {"title": title, "text": text, "back": back}
    return inbox_response(request, "told", context, status=status)


def tell_of_sending(
    request: HttpRequest,
    send: Callable[[str], DeliveryResult | None],
    *,
    back: str,
    done: str,
    failed: str,
) -> HttpResponse:
    """Call `send` with the address of the form; `done` or `failed` is the title.

    Status 400 where that address may not get mail, 502 for what the mailer says.
    """
    address = request.POST.get("address", "").strip()
    try:
        result = send(address)
    except NotReleasedError as error:
        return tell(request, failed, str(error), back=back, status=400)
    except Exception as error:  # whatever a mailer raises
        text = f"The mailer failed: {type(error).__name__}: {error}"
        return tell(request, failed, text, back=back, status=502)
    if result is not None and result.refused:
        return tell(request, failed, result.refused[0].text, back=back, status=502)
    return tell(request, done, f"The mail is on its way to {address}.", back=back)
