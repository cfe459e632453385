"""The list of recipes: which there are, in which order, and what runs them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.template.loader import get_template
from django.utils.safestring import SafeString

from website.highlighting import highlight_python
from website.recipes.attach_file import send_file
from website.recipes.attachment import send_attachment
from website.recipes.choosing_mailer import send_with_two_mailers
from website.recipes.from_template import send_order
from website.recipes.headers import send_with_copies
from website.recipes.inline_image import send_inline_image
from website.recipes.managers import mail_the_team
from website.recipes.mass_mail import send_newsletter
from website.recipes.newsletter import send_leavable_newsletter
from website.recipes.outbox import send_through_outbox
from website.recipes.plain_text import send_plain_text
from website.recipes.refused_recipient import send_with_refusal
from website.recipes.unreachable_server import send_to_unreachable_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One page: `send` runs when the button is pressed, and its file is what the page shows."""

    slug: str
    title: str
    summary: str
    send: Callable[[str], int]
    asks_recipient: bool = True
    mail_templates: tuple[str, ...] = ()
    shows_outbox: bool = False

    @property
    def template_name(self) -> str:
        return f"website/recipes/{self.slug}.html"

    @property
    def file_name(self) -> str:
        return f"website/recipes/{Path(inspect.getfile(self.send)).name}"

    @property
    def source(self) -> SafeString:
        """The file that `send` lives in, from its imports on."""
        module = inspect.getmodule(self.send)
        assert module is not None  # noqa: S101 (for the type checker; functions have a module)
        _, _, code = inspect.getsource(module).partition("import annotations\n")
        return highlight_python(code.strip())

    @property
    def template_sources(self) -> list[tuple[str, str]]:
        templates: list[Any] = [get_template(name) for name in self.mail_templates]
        return [
            (name, Path(template.origin.name).read_text("utf-8"))
            for name, template in zip(self.mail_templates, templates, strict=True)
        ]


EVERYDAY = [
    Recipe(
        slug="plain-text",
        title="A plain mail",
        summary="One call to send_mail.",
        send=send_plain_text,
    ),
    Recipe(
        slug="headers",
        title="Copies, Reply-To, headers",
        summary="Cc, Bcc, where replies go, and headers of your own.",
        send=send_with_copies,
    ),
    Recipe(
        slug="from-template",
        title="A mail from a template",
        summary="One file makes subject, HTML and plain text.",
        send=send_order,
        mail_templates=("mail/order.html", "mail/layout.html"),
    ),
    Recipe(
        slug="attachment",
        title="An attachment",
        summary="A CSV table made in memory.",
        send=send_attachment,
    ),
    Recipe(
        slug="attach-file",
        title="A file from disk",
        summary="attach_file finds name and type.",
        send=send_file,
    ),
    Recipe(
        slug="inline-image",
        title="A picture in the text",
        summary="An image that travels in the mail, next to its HTML.",
        send=send_inline_image,
        mail_templates=("mail/harvest.html",),
    ),
    Recipe(
        slug="mass-mail",
        title="Many mails, one connection",
        summary="send_mass_mail, each reader on a mail of their own.",
        send=send_newsletter,
    ),
    Recipe(
        slug="newsletter",
        title="A newsletter people can leave",
        summary="One-click unsubscribe, and a list that is asked before each mail.",
        send=send_leavable_newsletter,
    ),
    Recipe(
        slug="managers",
        title="Mail to the team",
        summary="mail_managers and mail_admins.",
        send=mail_the_team,
        asks_recipient=False,
    ),
    Recipe(
        slug="choosing-mailer",
        title="Choosing a mailer",
        summary="Receipts one way, the newsletter another: using=.",
        send=send_with_two_mailers,
    ),
]

WHEN_THINGS_GO_WRONG = [
    Recipe(
        slug="refused-recipient",
        title="One recipient is refused",
        summary="Half delivered, nothing raised, and still nothing silent.",
        send=send_with_refusal,
    ),
    Recipe(
        slug="unreachable-server",
        title="The server is down",
        summary="Who is at fault, and what a page can say.",
        send=send_to_unreachable_server,
    ),
    Recipe(
        slug="outbox",
        title="A mail that waits",
        summary="Written to the database now, sent when the server is there.",
        send=send_through_outbox,
        shows_outbox=True,
    ),
]

RECIPES = {recipe.slug: recipe for recipe in [*EVERYDAY, *WHEN_THINGS_GO_WRONG]}
