"""Uses of the public names that the type checker must accept. Never run."""

from __future__ import annotations

import re
from datetime import timedelta

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.mail.backends.base import BaseEmailBackend
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.test import Client
from django.views.generic import TemplateView

from django_mailplus import mail
from django_mailplus.backends.base import RouterBackend, WrapperBackend
from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    classify,
    get_result,
    set_result,
)
from django_mailplus.models import EmailAddress
from django_mailplus.previews import preview
from django_mailplus.signals import message_failed
from django_mailplus.templated import Mail, TemplatedEmail, render_mail
from django_mailplus.testing import Mailbox, SmtpServer, override_mailers
from django_mailplus.verification import (
    VerificationResult,
    cancel_email_change,
    check_verification_token,
    deactivate_until_verified,
    is_email_verified,
    make_verification_url,
    send_account_exists_email,
    send_verification_email,
    start_email_change,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.gates import (
    VerifiedEmailLoginMixin,
    VerifiedEmailRequiredMixin,
    verified_email_not_required,
    verified_email_required,
)
from django_mailplus.verification.signals import email_verified


def send() -> int:
    mail.send_mail(
        "s", "b", None, ["a@example.com"], html_message="<p>b</p>", using="smtp"
    )
    message = mail.EmailMultiAlternatives("s", "b", to=["a@example.com"])
    return message.send(using="smtp")


def choose(alias: str) -> BaseEmailBackend:
    return mail.mailers[alias]


def read(result: DeliveryResult) -> list[str]:
    refused: tuple[RecipientResult, ...] = result.refused
    return [recipient.address for recipient in refused if recipient.kind == "permanent"]


def fault(error: Exception) -> str:
    return classify(error)


def pass_on(sent: mail.EmailMessage, original: mail.EmailMessage) -> bool:
    set_result(original, get_result(sent))
    result: DeliveryResult | None = get_result(original)
    return result is not None


class Footer(WrapperBackend):
    def prepare(self, message: mail.EmailMessage) -> mail.EmailMessage | None:
        message.body = f"{message.body}\n-- "
        return message


class Spread(RouterBackend):
    def choose(self, message: mail.EmailMessage) -> str | None:
        return self.using[0]


message_failed.connect(lambda sender, **kwargs: None)


def sign_up(request: HttpRequest, user: User, *, taken: bool) -> HttpResponse:
    if taken:
        return redirect(send_account_exists_email(user.email, request=request).sent_url)
    result: VerificationResult = send_verification_email(
        user,
        request=request,
        next_url="/welcome/",
        language="de",
        context={"plan": "free"},
        method="both",
        using="smtp",
        base_url="https://shop.example.com",
        force=True,
    )
    wait: timedelta | None = result.retry_after
    if result.status == "throttled" and wait is not None:
        return HttpResponse(f"{wait.total_seconds():.0f} s")
    return redirect(result.sent_url)


def prove(user: User, token: str) -> str:
    email: str | None = check_verification_token(user, token)
    if email is None or is_email_verified(user, email=email):
        return make_verification_url(user, base_url="https://shop.example.com")
    if verify_email_address(user, email) == "taken":
        unverify_email_address(user, email, purpose="verify")
        deactivate_until_verified(user)
    return start_email_change(user, "new@example.com").status


def forget(user: User) -> bool:
    return cancel_email_change(user)


def proved() -> list[str]:
    rows = EmailAddress.objects.filter(purpose="verify", verified_at__isnull=False)
    return [f"{row.email} of {row.user}" for row in rows]


@verified_email_required
def order(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@verified_email_required(raise_exception=True)
async def order_by_script(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@verified_email_not_required
def terms(request: HttpRequest, page: int) -> HttpResponse:
    return HttpResponse()


terms(HttpRequest(), page=1)


class Orders(VerifiedEmailRequiredMixin, TemplateView):
    raise_exception = True


class Login(VerifiedEmailLoginMixin, AuthenticationForm):
    grace_period = timedelta(days=3)


email_verified.connect(lambda sender, user, email, purpose, **kwargs: None)


@override_mailers()
def follow(mailbox: Mailbox, client: Client, server: SmtpServer) -> str:
    mail = mailbox.one(to="ann@example.com", subject=re.compile("Confirm"))
    mail.click(client, text="Confirm")
    server.refuse("*@gone.example", at="rcpt", times=1)
    with override_mailers({"default": server.mailer}), mailbox.capture() as sent:
        sent.none()
    return mail.code(pattern=r"\d{6}")


class Welcome(Mail):
    template = "welcome"
    stream = "receipts"

    name: str
    seats: int = 1

    @classmethod
    def previews(cls) -> dict[str, Mail]:
        return {"Ann": cls(to="ann@example.com", name="Ann")}

    def prepare(self, message: TemplatedEmail) -> None:
        message.attach("a.txt", "a", "text/plain")


def templated(user: User, request: HttpRequest) -> int:
    TemplatedEmail("welcome", {"name": "Ann"}, to=user, request=request).send()
    TemplatedEmail(
        "welcome", to=[user, "bob@example.com"], using="news", cc=["c@d.com"]
    )
    Welcome(to=user, name="Ann", seats=2).send(request=request)
    Welcome(name=7)  # type: ignore[arg-type]
    Welcome()  # type: ignore[call-arg]
    message: mail.EmailMultiAlternatives = render_mail("welcome", language="de")
    return message.send()


@preview
def reminder(days: int = 3) -> TemplatedEmail:
    return TemplatedEmail("reminder", {"days": days})


@preview(when=lambda: True)
def sometimes(days: int = 3) -> TemplatedEmail:
    return reminder(days=days)


sample: TemplatedEmail = sometimes(days=4)
