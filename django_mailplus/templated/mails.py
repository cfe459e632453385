"""A class for each mail of a project: its template, and what the template needs, typed."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self, dataclass_transform

from django.http import HttpRequest

from django_mailplus.exceptions import MailTemplateError
from django_mailplus.templated.message import TemplatedEmail
from django_mailplus.templated.recipient import Recipients

__all__ = ["Mail"]


@dataclass_transform(kw_only_default=True)
class _Fields:
    """Makes each annotation of a subclass an argument, as a dataclass does."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(kw_only=True, repr=False, eq=False)(cls)


class Mail(_Fields):
    """One kind of mail; subclass it with the names that its template uses.

        class WelcomeMail(Mail):
            template = "welcome"
            plan: str

        WelcomeMail(to=user, plan="Pro").send()

    The template gets each field under its name, and what `get_context()` adds.
    """

    template: ClassVar[str]
    using: ClassVar[str | None] = None
    stream: ClassVar[str | None] = None
    from_email: ClassVar[str | None] = None

    to: Recipients = None

    def __new__(cls, *args: Any, **given: Any) -> Self:
        if unknown := given.keys() - cls.__dataclass_fields__.keys():
            _require_taken(cls, sorted(unknown))
        return super().__new__(cls)

    def __repr__(self) -> str:  # who gets it, and what it says, stay out of logs
        return f"<{type(self).__qualname__}>"

    def get_context(self) -> Mapping[str, Any]:
        """What the template gets besides the fields."""
        return {}

    def get_language(self) -> str | None:
        """The language to write in; None for the one of the user in `to`."""
        return None

    def prepare(self, message: TemplatedEmail) -> None:
        """The place to attach files and to set headers, tags or metadata."""

    @classmethod
    def previews(cls) -> Mapping[str, Mail]:
        """Samples to look at, by what they show: {"with a discount": cls(plan="Pro")}."""
        return {}

    def message(
        self, *, request: HttpRequest | None = None, language: str | None = None
    ) -> TemplatedEmail:
        """The mail, rendered, in that language if one is given.

        Raises MailTemplateError when its template is missing.
        """
        fields = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "to"
        }
        message = TemplatedEmail(
            _template_of(type(self)),
            {**fields, **self.get_context()},
            to=self.to,
            request=request,
            using=self.using,
            stream=self.stream,
            language=language or self.get_language(),
            from_email=self.from_email,
        )
        message.mailplus_origin["mail"] = type(self).__qualname__
        self.prepare(message)
        return message

    def send(
        self, *, request: HttpRequest | None = None, using: str | None = None
    ) -> Any:
        """Render and send; what `TemplatedEmail.send()` gives and raises."""
        message = self.message(request=request)
        return message.send() if using is None else message.send(using=using)


def _require_taken(kind: type[Mail], names: list[str]) -> None:
    """Python's own error would not say which arguments there are, nor why not this one."""
    taken = inspect.signature(kind.__init__).parameters
    if any(each.kind is each.VAR_KEYWORD for each in taken.values()):
        return
    for name in (each for each in names if each not in taken):
        hint = ""
        if hasattr(kind, name) and not hasattr(Mail, name):
            hint = (
                f" A field has an annotation: write {name}: with its type in the class."
            )
        there = ", ".join(each for each in taken if each != "self")
        raise TypeError(
            f"{kind.__qualname__} has no field {name!r}. There are: {there}.{hint}"
        )


def _template_of(kind: type[Mail]) -> str:
    template: str | None = getattr(kind, "template", None)
    if template is None:
        raise MailTemplateError(
            f"{kind.__qualname__} names no template. Write into the class: "
            'template = "welcome", which is the file mail/welcome.html.'
        )
    return template
