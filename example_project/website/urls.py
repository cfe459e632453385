"""Addresses of the site."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from website.views import accounts, contact, home, recipes

urlpatterns = [
    path("", home.home, name="home"),
    path("contact/", contact.contact, name="contact"),
    path("recipes/<slug:slug>/", recipes.recipe, name="recipe"),
    path("account/", accounts.account, name="account"),
    path("members/", accounts.members, name="members"),
    path("account/sign-up/", accounts.sign_up, name="sign_up"),
    path("account/login/", accounts.Login.as_view(), name="login"),
    path("account/logout/", LogoutView.as_view(), name="logout"),
    path("account/test-mail/", accounts.test_mail, name="test_mail"),
    path("account/password/", accounts.PasswordReset.as_view(), name="password_reset"),
    path(
        "account/password/sent/",
        accounts.PasswordResetDone.as_view(),
        name="password_reset_done",
    ),
    path(
        "account/password/<uidb64>/<token>/",
        accounts.PasswordResetConfirm.as_view(),
        name="password_reset_confirm",
    ),
]
