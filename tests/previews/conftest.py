"""An app of a project, written by the test, with mails to preview."""

from __future__ import annotations

import sys
import textwrap
from base64 import b64decode
from contextlib import ExitStack

import pytest
from django.apps import apps
from django.test import override_settings

from django_mailplus import mails as our_mails  # noqa: F401 (marked once)
from django_mailplus.previews import finding

LAYOUT = (
    "{% extends 'mailplus/layout.html' %}{% load mailplus %}"
    "{% block subject %}Hello {{ name }}{% endblock %}"
    "{% block body %}<p>Hello {{ name }}, {{ number }}</p>{% endblock %}"
)


@pytest.fixture
def app(tmp_path, monkeypatch, settings):
    """Call it with the content of mails.py and perhaps previews.py."""
    monkeypatch.setattr(finding, "_functions", dict(finding._functions))
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "shop_app"
    (package / "templates" / "mail").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "templates" / "mail" / "hello.html").write_text(LAYOUT)
    settings.MAILPLUS = {"BASE_URL": "https://shop.example.com"}
    with ExitStack() as stack:

        def write(mails="", previews=None):
            (package / "mails.py").write_text(textwrap.dedent(mails))
            if previews is not None:
                (package / "previews.py").write_text(textwrap.dedent(previews))
            names = [config.name for config in apps.get_app_configs()]
            names.remove("django_mailplus")
            stack.enter_context(
                override_settings(
                    INSTALLED_APPS=[*names, "django_mailplus", "shop_app"]
                )
            )

        yield write
    for name in [name for name in sys.modules if name.startswith("shop_app")]:
        del sys.modules[name]


PICTURED = """
from pathlib import Path
from django_mailplus.templated import Mail

class Pictured(Mail):
    template = "hello"

    @classmethod
    def previews(cls):
        return {"Ann": cls(to="ann@example.com")}

    def get_context(self):
        return {"name": "Ann", "number": 7, "dot": Path(__file__).with_name("dot.gif")}
"""
DOT = b64decode("R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=")
PICTURES = (
    '<p><img alt="Dot" src="{% inline_image dot %}">'
    '<img alt="Far" src="https://far.example.com/dot.gif">'
)


@pytest.fixture
def pictured(app, tmp_path):
    """An app with a mail that has a picture of its own and one from elsewhere."""
    app(PICTURED)
    (tmp_path / "shop_app" / "dot.gif").write_bytes(DOT)
    file = tmp_path / "shop_app" / "templates" / "mail" / "hello.html"
    file.write_text(LAYOUT.replace("<p>", PICTURES))


@pytest.fixture
def found(app):
    """What is found in the app, by slug."""

    def look(mails="", previews=None):
        app(mails, previews)
        return {
            each.slug: each
            for each in finding.find_previews()
            if each.app == "shop_app"
        }

    return look
