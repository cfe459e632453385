"""What a user, a visitor and a reader of mail do, in the tests of the verification."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_mailplus.templated.recipient import email_field_of
from django_mailplus.viewer import find_links


def make_user(name="ann", email="ann@example.com", password="secret", **fields):  # noqa: S107
    """A user of whichever model this run has."""
    model = get_user_model()
    user = model(**{model.USERNAME_FIELD: name, **fields})
    setattr(user, email_field_of(user), email)
    user.set_password(password)
    user.save()
    return user


@dataclass
class Visitor:
    """Opens pages as a browser does; presses the button of a form that it sees."""

    client: Client

    def open(self, url, **options):
        self.page = self.client.get(_path(url), **options)
        return self.page

    def press(self, url, **fields):
        """Open the page, then send its form; answers with what comes at the end."""
        hidden = re.findall(
            r'<input type="hidden" name="([^"]+)" value="([^"]*)">',
            self.open(url).content.decode(),
        )
        return self.send(url, **dict(hidden), **fields)

    def send(self, url, **fields):
        self.page = self.client.post(_path(url), fields, follow=True)
        return self.page


def _path(url):
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def own_fields(page):
    """The hidden fields of a form that acts for whoever is logged in."""
    csrf = str(page.context["csrf_token"])
    return {"form_token": page.context["form_token"], "csrfmiddlewaretoken": csrf}


@contextlib.contextmanager
def queries():
    """A function that lists what was asked of the database, without BEGIN and the like."""
    control = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    with CaptureQueriesContext(connection) as context:
        yield lambda: [
            q["sql"]
            for q in context.captured_queries
            if not q["sql"].startswith(control)
        ]


def links_of(message):
    """The links of a mail by their page: verify, report, change, cancel."""
    found = {}
    for url in find_links(message.body):
        parts = urlsplit(url).path.strip("/").split("/")
        name = parts[1] if len(parts) == 4 else "verify" if len(parts) == 3 else "site"
        found[name] = url
    return found


def said(message):
    """The text of a mail on one line, wherever its lines break."""
    return " ".join(message.body.split())


def newest_link(name="verify"):
    return links_of(mail.outbox[-1])[name]
