"""For a monitor: path("monitor/mail/", include("django_mailplus.outbox.urls"))."""

from __future__ import annotations

from django.urls import path

from django_mailplus.outbox.views import HealthView, MetricsView

app_name = "mailplus_outbox"
urlpatterns = [
    path("health/", HealthView.as_view(), name="health"),
    path("metrics/", MetricsView.as_view(), name="metrics"),
]
