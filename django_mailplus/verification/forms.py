"""What visitors type, checked before anything is looked up or mailed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from django_mailplus.templated.recipient import email_field_of, email_of
from django_mailplus.verification.mailbox import same_mailbox

__all__ = ["ChangeForm", "CodeForm", "ResendForm"]


class ResendForm(forms.Form):
    email = forms.EmailField(
        label=_("Email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}
        ),
    )


class ChangeForm(forms.Form):
    """The new address, and the password of whoever has one: a borrowed session is not enough."""

    email = forms.EmailField(
        label=_("New email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.has_usable_password():
            del self.fields["password"]

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        if same_mailbox(email, email_of(self.user)):
            raise forms.ValidationError(_("This is your address already."))
        field = get_user_model()._meta.get_field(email_field_of(self.user))
        field.run_validators(email)  # type: ignore[union-attr]
        return email

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This is not your password."))
        return password
