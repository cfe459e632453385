"""Views that send in the transaction of the request, for tests of ATOMIC_REQUESTS."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.urls import path

from django_mailplus.compat import get_mailer


def send(request: HttpRequest) -> HttpResponse:
    letter = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])
    get_mailer("default").send_messages([letter])
    if "fail" in request.GET:
        raise RuntimeError("after the mail")
    return HttpResponse("sent")


urlpatterns = [path("send/", send)]
