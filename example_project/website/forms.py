"""The forms of the site. Everything a visitor types is checked here, before any mail is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
)
from django.contrib.auth.models import AnonymousUser, User

from django_mailplus.templated.password_reset import PasswordResetForm
from django_mailplus.verification import is_email_verified
from website.allowance import use_allowance
from website.validators import validate_mailbox, validate_single_line

SAMPLE_RECIPIENT = "customer@example.com"


class MailboxField(forms.EmailField):
    """One address that may stand in a header."""

    default_validators = [validate_mailbox]
    widget = forms.EmailInput(attrs={"autocomplete": "email"})


class ContactForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=80,
        validators=[validate_single_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    # RFC 5321, section 4.5.3: a path is at most 256 characters, two of them < and >.
    email = MailboxField(label="Your email address", max_length=254)
    subject = forms.CharField(max_length=120, validators=[validate_single_line])
    message = forms.CharField(
        max_length=5_000, widget=forms.Textarea(attrs={"rows": 7})
    )


class SignUpForm(BaseUserCreationForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """A new user, known by the email address: it is the user name as well.

    An address that is taken is no error here: whoever types it must not learn that.
    """

    # As long as a user name may be.
    email = MailboxField(label="Email address", max_length=150)

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        username = User.normalize_username(email.lower())
        if len(username) > 150:  # some letters become two when made small
            raise forms.ValidationError("This address is too long.")
        self.instance.username = username
        return email


class LoginForm(AuthenticationForm):
    """Login by address: by the one the user has now, whatever the user name says.

    The name follows a change of address, but cannot if somebody has taken it meanwhile.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Email address"
        self.fields["username"].widget.attrs |= {
            "autocomplete": "email",
            "inputmode": "email",
        }

    def clean_username(self) -> str:
        typed = str(self.cleaned_data["username"])
        for user in User.objects.filter(email__iexact=typed):
            if is_email_verified(user):
                return user.get_username()
        return typed.lower()


class ResetForm(PasswordResetForm):
    """Mails proved addresses, within their allowance: nobody else asked to be mailed."""

    def get_users(self, email: str) -> Iterator[User]:
        for user in super().get_users(email):
            if is_email_verified(user) and use_allowance(user):
                yield user


class RecipientForm(forms.Form):
    """Where a recipe sends to: a sample address or the visitor's own, once it is proved."""

    recipient = forms.ChoiceField(label="Send it to", widget=forms.RadioSelect)

    def __init__(self, *args: Any, user: User | AnonymousUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        addresses = [SAMPLE_RECIPIENT]
        if user.is_authenticated and is_email_verified(user):
            addresses.append(user.email)
        field = self.fields["recipient"]
        field.choices = [(address, address) for address in addresses]  # type: ignore[attr-defined]
        field.initial = SAMPLE_RECIPIENT
