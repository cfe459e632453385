"""The contact form."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from website.contact import mail_visitor_message
from website.forms import ContactForm
from website.sending import send_and_report


@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest) -> HttpResponse:
    form = ContactForm(request.POST if request.method == "POST" else None)
    context: dict[str, object] = {"form": form}
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        outcome = send_and_report(
            lambda: mail_visitor_message(
                data["name"], data["email"], data["subject"], data["message"]
            )
        )
        context["outcome"] = outcome
        # The answers name the managers, which is nothing for the public.
        context["show_answers"] = settings.DEBUG
        if outcome.error is None:
            context["form"] = ContactForm()
    return render(request, "website/contact.html", context)
