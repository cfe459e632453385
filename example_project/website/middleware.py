"""Two guards that this site puts in front of every view."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

GetResponse = Callable[[HttpRequest], HttpResponse]

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Every page gets along with this policy: no script, no inline style, no other host.

    But for those that bring a policy of their own, such as those of the inbox.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # Django's own debug pages bring their styles inline; let them look as they should.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault(
                "Content-Security-Policy", CONTENT_SECURITY_POLICY
            )
        return response

    return middleware


def only_utf8_forms(get_response: GetResponse) -> GetResponse:
    """Answer 400 to a form that is not UTF-8.

    Browsers send what the page is written in, which is UTF-8. Django lets a multipart form name
    any codec of Python's, and fails with a 500 on those that are not text encodings ("zlib").
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in {"utf-8", "utf8"}:
            return HttpResponseBadRequest(
                "Forms must be encoded as UTF-8.", "text/plain"
            )
        return get_response(request)

    return middleware
