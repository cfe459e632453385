"""The pages and the JSON API of the inbox; mount them with `django_mailplus.urls`."""

from __future__ import annotations

from django.urls import path

from django_mailplus.inbox import acting, api, parts, views
from django_mailplus.inbox.tabs import TABS

app_name = "mailplus_inbox"
urlpatterns = [
    path("", views.mail_list, name="list"),
    path("to/<path:address>/", views.mail_list, name="person"),
    path("latest/", views.latest, name="latest"),
    path("clear/", acting.clear, name="clear"),
    path("m/<int:pk>/", views.mail_page, name="mail"),
    *(
        path(f"m/<int:pk>/{tab}/", views.mail_page, {"tab": tab}, name=tab)
        for tab in TABS
    ),
    path("m/<int:pk>/frame/", parts.frame, name="frame"),
    path("m/<int:pk>/raw/", parts.raw_page, name="raw"),
    path("m/<int:pk>/eml/", parts.download, name="eml"),
    path("m/<int:pk>/part/<int:number>/", parts.attachment, name="part"),
    path("m/<int:pk>/image/<int:number>/", parts.image, name="image"),
    path("m/<int:pk>/delete/", acting.delete, name="delete"),
    path("m/<int:pk>/read/", acting.mark, name="read"),
    path("m/<int:pk>/release/", acting.send_on, name="release"),
    path("api/messages/", api.messages, name="api-messages"),
    path("api/messages/<int:pk>/", api.message, name="api-message"),
    path("api/latest/", api.latest, name="api-latest"),
]
