"""Sign-up with a verified address; login and password reset with Django's own auth."""

from __future__ import annotations

from contextlib import suppress

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import (
    LoginView,
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.db import IntegrityError, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_http_methods, require_POST

from django_mailplus.mail import send_mail
from django_mailplus.verification import (
    is_email_verified,
    send_account_exists_email,
    send_verification_email,
)
from django_mailplus.verification.gates import verified_email_required
from django_mailplus.verification.signals import email_changed
from website.allowance import use_allowance
from website.forms import LoginForm, ResetForm, SignUpForm
from website.sending import send_and_report


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """One answer for new and for taken addresses: "check your mail"."""
    form = SignUpForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        user = _new_user(form)
        if user is None:
            email = form.cleaned_data["email"]
            result = send_account_exists_email(email, request=request)
        else:
            result = send_verification_email(user, request=request)
        return redirect(result.sent_url)
    return render(request, "website/sign_up.html", {"form": form})


def _new_user(form: SignUpForm) -> User | None:
    """None if the address is taken, found out after the password was hashed."""
    try:
        with transaction.atomic():
            user = form.save()
            others = User.objects.exclude(pk=user.pk)
            taken = others.filter(email__iexact=user.email).exists()
            transaction.set_rollback(taken)
    except IntegrityError:
        return None
    return None if taken else user


@receiver(email_changed)
def let_the_name_follow(user: User, new_email: str, **kwargs: object) -> None:
    """People sign up with their address, so it is their user name as well.

    If somebody has taken that name meanwhile, the old one stays; see LoginForm.
    """
    user.username = User.normalize_username(new_email.lower())
    with suppress(IntegrityError), transaction.atomic():
        user.save(update_fields=["username"])


@login_required
def account(request: HttpRequest) -> HttpResponse:
    return render(request, "website/account.html")


@verified_email_required
def members(request: HttpRequest) -> HttpResponse:
    return render(request, "website/members.html")


@require_POST
def test_mail(request: HttpRequest) -> HttpResponse:
    """A mail to the logged-in user's own address, once it is proved, and to no other."""
    user = request.user
    if not user.is_authenticated:
        return redirect("login")  # without `next`: this address answers to POST only
    if not is_email_verified(user):
        return redirect("mailplus:verify_email_sent")
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
    form_class = ResetForm
    template_name = "website/password_reset.html"


class PasswordResetDone(PasswordResetDoneView):
    template_name = "website/password_reset_done.html"


class PasswordResetConfirm(PasswordResetConfirmView):
    template_name = "website/password_reset_confirm.html"
    post_reset_login = True
    success_url = reverse_lazy("account")
