"""What a project mounts to see its mail: path("mail/", include("django_mailplus.urls"))."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("previews/", include("django_mailplus.previews.urls")),
    path("", include("django_mailplus.inbox.urls")),
]
