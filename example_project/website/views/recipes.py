"""One page for every recipe: the text, the code, the button, the result."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from django_mailplus.models import OutboxMessage
from website.allowance import use_allowance
from website.forms import SAMPLE_RECIPIENT, RecipientForm
from website.recipes.registry import RECIPES
from website.sending import send_and_report


@require_http_methods(["GET", "HEAD", "POST"])
def recipe(request: HttpRequest, slug: str) -> HttpResponse:
    chosen = RECIPES.get(slug)
    if chosen is None:
        raise Http404(f"There is no recipe {slug!r}.")
    form = None
    recipient = SAMPLE_RECIPIENT
    if chosen.asks_recipient:
        form = RecipientForm(
            request.POST if request.method == "POST" else None, user=request.user
        )
    context: dict[str, Any] = {
        "recipe": chosen,
        "form": form,
        "others": RECIPES.values(),
    }

    if request.method == "POST" and (form is None or form.is_valid()):
        if form is not None:
            recipient = form.cleaned_data["recipient"]
        own_address = recipient != SAMPLE_RECIPIENT
        if (
            own_address
            and request.user.is_authenticated
            and not use_allowance(request.user)
        ):
            context["allowance_used_up"] = True
            return render(request, chosen.template_name, context, status=429)
        context["outcome"] = send_and_report(lambda: chosen.send(recipient))
    if chosen.shows_outbox:
        context["mails"] = OutboxMessage.objects.order_by("-id")[:5]
    return render(request, chosen.template_name, context)
