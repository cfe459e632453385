"""The pages to unsubscribe: path("mail/", include("django_mailplus.suppression.urls"))."""

from __future__ import annotations

from django.urls import path

from django_mailplus.suppression import views

app_name = "mailplus_unsubscribe"
urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("preferences/<str:token>/", views.preferences, name="preferences"),
]
