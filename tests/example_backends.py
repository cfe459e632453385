"""Backends as a project would write them on our base classes, for the battery."""

from __future__ import annotations

from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as DjangoSMTPBackend

from django_mailplus.backends.base import RouterBackend, WrapperBackend
from django_mailplus.backends.ratelimit import EmailBackend as RateLimitBackend
from django_mailplus.compat import get_mailer
from django_mailplus.delivery import DeliveryResult, RecipientResult, set_result


class Stamp(WrapperBackend):
    """Puts a word before the subject; drops messages that say so."""

    def __init__(self, *, word="stamped", **options):
        super().__init__(**options)
        self.word = word

    def prepare(self, message):
        if message.subject == "drop me":
            return None
        message.subject = f"{self.word}: {message.subject}"
        message.to.append("archive@example.com")
        message.extra_headers["X-Stamp"] = self.word
        return message


class Listed(WrapperBackend):
    """Drops every message, and says why."""

    def prepare(self, message):
        told = tuple(
            RecipientResult(
                address=address, kind="suppressed", text="on the list since May"
            )
            for address in message.recipients()
        )
        set_result(message, DeliveryResult(recipients=told))


class BySubject(RouterBackend):
    """Sends each message to the mailer that its subject names, else to the first."""

    def choose(self, message):
        return message.subject if message.subject in self.using else self.using[0]


class Lost(RouterBackend):
    def choose(self, message):
        return "nowhere"


class WithoutAlias(BaseEmailBackend):
    """A leaf from before there were mailers."""

    def __init__(self, fail_silently=False):
        super().__init__(fail_silently=fail_silently)

    def send_messages(self, email_messages):
        return 0


class SendsNothing(BaseEmailBackend):
    """A leaf that fails and does not say so."""

    def send_messages(self, email_messages):
        return 0


class Refusing(BaseEmailBackend):
    """A leaf that always fails."""

    def send_messages(self, email_messages):
        raise ConnectionRefusedError("nobody listens")


class Failing(BaseEmailBackend):
    """A leaf that fails at everything, and names somebody in its error."""

    closed: list[str | None] = []

    def __init__(self, alias=None, **options):
        super().__init__(**options)
        self.alias = alias

    def close(self):
        self.closed.append(self.alias)
        raise OSError("on closing")

    def send_messages(self, email_messages):
        raise OSError(f"to {self.alias}@example.com")


class Counting(BaseEmailBackend):
    """A leaf that notes when it is opened and closed."""

    events: list[str] = []

    def open(self):
        self.events.append("open")
        return True

    def close(self):
        self.events.append("close")

    def send_messages(self, email_messages):
        messages = list(email_messages)
        self.events.append(f"send {len(messages)}")
        return len(messages)


class WrittenLongAgo(BaseEmailBackend):
    """From before mailers: takes its own option, no alias, no **kwargs."""

    def __init__(self, fail_silently=False, region="eu"):
        super().__init__()
        self.region = region

    def send_messages(self, email_messages):
        return len(list(email_messages))


class PopsItsOptions(BaseEmailBackend):
    """Takes options out of **kwargs, as provider packages do."""

    def __init__(self, **kwargs):
        self.api_key = kwargs.pop("api_key", None)
        super().__init__(**kwargs)

    def send_messages(self, email_messages):
        return len(list(email_messages))


class ChecksItself(BaseEmailBackend):
    """A foreign backend whose check() means something of its own."""

    def check(self):
        return True

    def send_messages(self, email_messages):
        return len(list(email_messages))


class Provider(DjangoSMTPBackend):
    """An SMTP backend that knows its host."""

    def __init__(self, **kwargs):
        super().__init__(host="smtp.provider.example", **kwargs)


class Limited(RateLimitBackend):
    """With defaults, so that it can be named in EMAIL_BACKEND."""

    def __init__(self, *, rate="5000/s", cache="default", **options):
        super().__init__(rate=rate, cache=cache, **options)


class LimitedStamp(Limited, Stamp):
    """A limit that changes what it lets through, and drops some."""


class HandsOn(BaseEmailBackend):
    """Of another package: hands mail on, and does not say so in `using`."""

    def __init__(self, *, target, **options):
        super().__init__(**options)
        self.target = target

    def send_messages(self, email_messages):
        return get_mailer(self.target).send_messages(email_messages)
