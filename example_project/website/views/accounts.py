"""Sign-up, login and password reset with Django's own auth, and the test mail to oneself."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import (
    LoginView,
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_http_methods, require_POST

from django_mailplus.mail import send_mail
from website.allowance import use_allowance
from website.forms import ACCOUNT_EXISTS, LoginForm, SignUpForm
from website.sending import send_and_report


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                user = form.save()
        except IntegrityError:  # the same address signed up a moment ago
            form.add_error("email", ACCOUNT_EXISTS)
        else:
            login(request, user)
            return redirect("account")
    return render(request, "website/sign_up.html", {"form": form})


@login_required
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "website/account.html")


@require_POST
def test_mail(request: HttpRequest) -> HttpResponse:
    """A mail to the logged-in user's own address and to no other."""
    user = request.user
    if not user.is_authenticated:
        return redirect("login")  # without `next`: this address answers to POST only
    if not use_allowance(user):
        return render(
            request, "website/account.html", {"allowance_used_up": True}, status=429
        )
    outcome = send_and_report(
        lambda: send_mail(
            "A test mail", "It works: this mail found you.", None, [user.email]
        )
    )
    return render(request, "website/account.html", {"outcome": outcome})


class Login(LoginView):
    form_class = LoginForm
    template_name = "website/login.html"
    redirect_authenticated_user = True


class PasswordReset(PasswordResetView):
    template_name = "website/password_reset.html"
    subject_template_name = "website/mail/password_reset_subject.txt"
    email_template_name = "website/mail/password_reset.txt"


class PasswordResetDone(PasswordResetDoneView):
    template_name = "website/password_reset_done.html"


class PasswordResetConfirm(PasswordResetConfirmView):
    template_name = "website/password_reset_confirm.html"
    post_reset_login = True
    success_url = reverse_lazy("account")
