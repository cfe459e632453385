"""The webhooks of django-anymail, as a project mounts them."""

from __future__ import annotations

from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView  # noqa: TID253
from anymail.webhooks.base import AnymailBaseWebhookView  # noqa: TID253 - loaded with the package alone
from django.urls import include, path


class WithoutBoto(AmazonSESTrackingWebhookView):
    """Amazon's client is there to confirm a subscription, which is no matter here."""

    def __init__(self, **options):
        self.auto_confirm_enabled = False
        AnymailBaseWebhookView.__init__(self, **options)


urlpatterns = [
    path("anymail/amazon_ses/tracking/", WithoutBoto.as_view()),
    path("anymail/", include("anymail.urls")),
]
