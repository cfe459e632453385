"""A site with the pages for visitors, Django's login and the admin."""

from __future__ import annotations

from django.apps import apps
from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("", lambda request: HttpResponse("home"), name="home"),
    path("verify/", include("django_mailplus.verification.urls")),
    path("mail/", include("django_mailplus.suppression.urls")),
    path("mail/", include("django_mailplus.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
]
if apps.is_installed("django.contrib.admin"):
    from django.contrib import admin

    urlpatterns.append(path("admin/", admin.site.urls))
