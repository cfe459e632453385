"""A mail from templates, as an ordinary message of Django."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from django.http import HttpRequest

from django_mailplus.mail import EmailMessage, EmailMultiAlternatives
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.message.related import RelatedEmail
from django_mailplus.suppression.bulk import is_bulk
from django_mailplus.suppression.headers import (
    mailboxes,
    preferences_url,
    unsubscribe_url,
)
from django_mailplus.suppression.tokens import make_token
from django_mailplus.templated.recipient import (
    Recipients,
    addresses,
    people_of,
    reader_of,
    writing_for,
)
from django_mailplus.templated.rendering import Rendered, lazily, render

__all__ = ["TemplatedEmail", "render_mail"]


class TemplatedEmail(RelatedEmail, EmailMultiAlternatives):
    """A message whose subject, text and HTML come from the template of that name.

    It is rendered when it is made, in the language and time zone of the one user in `to`,
    and is an ordinary `EmailMultiAlternatives` from then on. `to` is an address, a user,
    or several of either; `using` names the mailer that `send()` takes; `stream` says which
    kind of mail it is, and one of a bulk stream to one person has the links to leave it in
    its context. Other arguments are those of Django's class. Raises MailTemplateError when
    there is no such template.
    """

    mailplus_using: str | None
    mailplus_origin: dict[str, Any]
    mailplus_addressed: bool
    mailplus_reader: str | None
    stream: str

    def __init__(
        self,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        to: Recipients = None,
        request: HttpRequest | None = None,
        using: str | None = None,
        stream: str | None = None,
        language: str | None = None,
        base_url: str | None = None,
        **message: Any,
    ) -> None:
        people = people_of(to)
        rendered = _render(
            template,
            context,
            people,
            message,
            stream=stream,
            request=request,
            language=language,
            base_url=base_url,
        )
        super().__init__(
            rendered.subject, rendered.text, to=addresses(people), **message
        )
        self.mailplus_using = using
        self.mailplus_addressed = to is not None
        _complete(self, rendered, stream)
        self.mailplus_reader = _may_leave(self, stream)

    def send(self, *args: Any, **options: Any) -> Any:
        """As Django's, by the mailer that `using` named.

        Raises ValueError when nobody was named: `to` was left out, and no copy goes out; and
        when it goes to somebody else than the one whose links to unsubscribe it shows.
        """
        if not self.mailplus_addressed and not self.recipients():
            kind = self.mailplus_origin.get("mail", type(self).__qualname__)
            raise ValueError(
                f"{kind} has nobody to go to. Say who gets it: {kind}(to=…), an address, a "
                "user or a list of them."
            )
        if self.mailplus_reader is not None and any(
            lookalike_key(address) != self.mailplus_reader
            for address in mailboxes(self)
        ):
            raise ValueError(
                "The recipients were changed, and the links to unsubscribe in this mail are "
                "those of the one it was rendered for. Make a mail for each."
            )
        if self.mailplus_using is not None:
            options.setdefault("using", self.mailplus_using)
        return super().send(*args, **options)


def render_mail(
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    to: Recipients = None,
    request: HttpRequest | None = None,
    stream: str | None = None,
    language: str | None = None,
    base_url: str | None = None,
    **message: Any,
) -> EmailMultiAlternatives:
    """The same mail as a plain `EmailMultiAlternatives`, to change and send as you like.

    One with inline images is of a subclass, which writes them as multipart/related.
    """
    people = people_of(to)
    rendered = _render(
        template,
        context,
        people,
        message,
        stream=stream,
        request=request,
        language=language,
        base_url=base_url,
    )
    kind = _Illustrated if rendered.images else EmailMultiAlternatives
    plain = kind(rendered.subject, rendered.text, to=addresses(people), **message)
    _complete(plain, rendered, stream)
    return plain


class _Illustrated(RelatedEmail, EmailMultiAlternatives):
    pass


def _render(
    template: str,
    context: Mapping[str, Any] | None,
    people: list[Any],
    message: Mapping[str, Any],
    *,
    stream: str | None,
    request: HttpRequest | None,
    language: str | None,
    base_url: str | None,
) -> Rendered:
    """With what is known of who reads it, and what was given before that."""
    to, reader = addresses(people), reader_of(people)
    names: dict[str, Any] = {}
    if reader is not None:
        names["user"] = reader
    if len(to) == 1:
        names["email"] = to[0]
    if stream is not None and is_bulk(stream):
        copies: Any = {name: message.get(name) for name in ("cc", "bcc")}
        names |= _ways_out(mailboxes(EmailMessage(to=to, **copies)), stream)
    with writing_for(reader, language) as spoken:
        return render(
            template,
            {**names, **(context or {})},
            language=spoken,
            request=request,
            base=base_url,
        )


def _ways_out(to: list[str], stream: str) -> dict[str, Any]:
    """The links of the headers, lazy: a project may have pages of its own. Each is signed
    for one person, so a mail to several has none."""
    if len(to) != 1:
        return {}
    [address] = to
    return {
        "unsubscribe_url": lazily(cache(partial(unsubscribe_url, address, stream))),
        "preferences_url": lazily(cache(partial(preferences_url, address, stream))),
    }


def _complete(message: Any, rendered: Rendered, stream: str | None) -> None:
    if rendered.html is not None:
        message.attach_alternative(rendered.html, "text/html")
    message.attachments += [image.part() for image in rendered.images]
    if stream is not None:
        message.stream = stream
    message.mailplus_origin = {
        "template": rendered.template,
        "language": rendered.language,
    }


def _may_leave(message: Any, stream: str | None) -> str | None:
    """The mailbox that leaves the stream by the links that a mail shows."""
    people = mailboxes(message)
    if stream is None or not is_bulk(stream) or len(people) != 1:
        return None
    token = make_token(people[0], stream)
    texts = [message.body, *(text for text, _ in message.alternatives)]
    return lookalike_key(people[0]) if any(token in text for text in texts) else None
