"""What a monitor asks for. Mount it where only the monitor reaches, or give it a token."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from django_mailplus.outbox.health import health
from django_mailplus.outbox.metrics import CONTENT_TYPE, exposition
from django_mailplus.outbox.status import read_status

__all__ = ["HealthView", "MetricsView"]

_NO_DATABASE = "The database of the outbox gives no answer."


@method_decorator([login_not_required, never_cache], name="dispatch")
class _MonitorView(View):
    """Asks for `Authorization: Bearer …` where `token` is given; None asks for nothing."""

    http_method_names = ["get", "head", "options"]
    token: str | None = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        if initkwargs.get("token") == "":
            raise ImproperlyConfigured(
                f"{cls.__name__}.as_view(token=...): the token is empty, so everybody would "
                "have it. Give one that is hard to guess, or None for no token at all."
            )
        return super().as_view(**initkwargs)

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if self.token is not None:
            given = request.headers.get("authorization", "")
            if not constant_time_compare(given, f"Bearer {self.token}"):
                return HttpResponse(
                    "A bearer token is needed.\n",
                    status=401,
                    content_type="text/plain; charset=utf-8",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        return super().dispatch(request, *args, **kwargs)


class HealthView(_MonitorView):
    """`health()` as JSON: 200 when it is ok, else 503. Takes the arguments of `health()`."""

    max_age: float = 300.0
    max_unknown: int | None = 0
    max_failed: int | None = None

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            found = health(
                max_age=self.max_age,
                max_unknown=self.max_unknown,
                max_failed=self.max_failed,
            )
        except DatabaseError:
            return JsonResponse({"ok": False, "reasons": [_NO_DATABASE]}, status=503)
        return JsonResponse(asdict(found), status=200 if found.ok else 503)


class MetricsView(_MonitorView):
    """Gauges for Prometheus. It counts all mails: ask once a minute, not each second."""

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            return HttpResponse(exposition(read_status()), content_type=CONTENT_TYPE)
        except DatabaseError:
            return HttpResponse(
                f"# {_NO_DATABASE}\n", status=503, content_type=CONTENT_TYPE
            )
