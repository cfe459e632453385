"""The wall of all mails, and a page for each; mount them with `django_mailplus.urls`."""

from __future__ import annotations

from django.urls import path

from django_mailplus.previews import views

app_name = "mailplus_previews"
urlpatterns = [
    path("", views.wall, name="wall"),
    path("<str:mail>/<slug:case>/", views.page, name="page"),
    path("<str:mail>/<slug:case>/frame/", views.frame, name="frame"),
    path("<str:mail>/<slug:case>/send/", views.send, name="send"),
]
