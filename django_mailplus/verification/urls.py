"""The pages: path("verify/", include("django_mailplus.verification.urls"))."""

from __future__ import annotations

from django.urls import path

from django_mailplus.verification import link_views, views

app_name = "mailplus"
urlpatterns = [
    path("sent/", views.sent, name="verify_email_sent"),
    path("sent/<str:ticket>/", views.sent, name="verify_email_sent"),
    path("resend/", views.resend, name="verify_email_resend"),
    path("code/", views.code, name="verify_email_code"),
    path("done/", views.done, name="verify_email_done"),
    path("change/", views.change, name="email_change"),
    path(
        "change/<uidb64>/<token>/",
        link_views.ConfirmChange.as_view(),
        name="email_change_confirm",
    ),
    path(
        "cancel/<uidb64>/<token>/",
        link_views.CancelChange.as_view(),
        name="email_change_cancel",
    ),
    path(
        "report/<uidb64>/<token>/",
        link_views.Report.as_view(),
        name="verify_email_report",
    ),
    path("<uidb64>/<token>/", link_views.VerifyEmail.as_view(), name="verify_email"),
]
