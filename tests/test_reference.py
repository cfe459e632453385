"""The reference lists what there is: every option, setting, command, check, signal and name."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import pkgutil
import re
import tomllib
from argparse import ArgumentParser, _SubParsersAction
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from django.contrib.auth import get_user_model
from django.core.management import load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal
from django.template import Context
from django.test.signals import template_rendered

import django_mailplus
from django_mailplus import conf, signals
from django_mailplus.backends.base import RouterBackend, WrapperBackend
from django_mailplus.backends.dkim import EmailBackend as Dkim
from django_mailplus.backends.failover import EmailBackend as Failover
from django_mailplus.backends.inbox import EmailBackend as Inbox
from django_mailplus.backends.outbox import EmailBackend as OutboxBackend
from django_mailplus.backends.ratelimit import EmailBackend as RateLimit
from django_mailplus.backends.redirect import EmailBackend as Redirect
from django_mailplus.backends.roundrobin import EmailBackend as RoundRobin
from django_mailplus.backends.route import EmailBackend as Route
from django_mailplus.backends.smtp import EmailBackend as SMTPBackend
from django_mailplus.compat import EMAIL_SETTING_OF_OPTION
from django_mailplus.inbox import urls as inbox_urls
from django_mailplus.inbox.searching import OPERATORS
from django_mailplus.models import EmailAddress, OutboxMessage, Suppression
from django_mailplus.outbox import urls as outbox_urls
from django_mailplus.outbox.health import Health, Pause, health
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.states import State
from django_mailplus.outbox.views import HealthView
from django_mailplus.suppression import Reason
from django_mailplus.suppression import urls as suppression_urls
from django_mailplus.suppression.listing import COLUMNS
from django_mailplus.verification import (
    send_account_exists_email,
    send_verification_email,
    start_email_change,
    urls,
    verify_email_address,
)
from django_mailplus.verification import signals as verification_signals
from django_mailplus.verification.addresses import Outcome
from django_mailplus.verification.change_links import confirm_change_link
from django_mailplus.verification.public import request_verification_email
from django_mailplus.verification.sending import Status
from django_mailplus.verification.tickets import Ticket

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
COMMANDS = (
    "sendtestemail",
    "runmailserver",
    "importmail",
    "importverifiedemails",
    "runmailworker",
    "mailqueue",
    "mailsuppression",
    "dkimkey",
    "prunemail",
    "mailpreview",
)
INTERNAL = re.compile(
    r"django_mailplus\.(smtp|pages|dkim\.canonical|management|checks|doctor\.report"
    r"|backends\.(answers|breakers|declaring|connections|forwarding|inline|limiting|preparing|results|routing|splitting|streaming|tracing|waiting)|outbox\.(?!(health|retention|views)\b)\w+"
    r"|message\.(agreement|attached|capture|carried|dialect|finished|folding|given|headers|legacy"
    r"|memory|merging|modern|multipart|naming|narrowing|overriding|parts|pristine|rebuild|redirecting|related|stamps|transfer|values|whole_header|lookalike)"
    r"|rates|racing|forgetting|columns|blocking|figures|widths|mails|tasks|tracking|(suppression|templated|inbox|previews|viewer|testing)\.\w+"
    r"|mailserver\.(printing|protocol|refusals|saving)"
    r"|verification\.(addresses|admin|change(_links|_mails)?|checks|codes|forms|links|locks"
    r"|mailbox|mails|models|pages|proofs|public|sending|stores|subject|throttle|tickets"
    r"|tokens|waiting))\b"
)


def _table(page: str, heading: str | None = None) -> set[str]:
    """The names in the first column of the tables under a heading, or on the whole page."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    if heading is not None:
        text = re.split(rf"^## {re.escape(heading)}$", text, flags=re.M)[1]
        text = re.split(r"^## ", text, flags=re.M)[0]
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M))


def _command(name: str) -> BaseCommand:
    return load_command_class("django_mailplus", name)


def _constructor(*classes: type) -> set[str]:
    """Named parameters that a settings file may give, without those Django fills in."""
    return {
        name
        for cls in classes
        for base in cls.__mro__[:-1]
        if "__init__" in vars(base) and base.__name__ != "BaseEmailBackend"
        for name, parameter in inspect.signature(
            vars(base)["__init__"]
        ).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and name not in ("self", "alias", "_ignore_unknown_kwargs")
    }


def test_the_options_of_smtp_are_in_the_reference() -> None:
    assert _table("mailers-and-options.md", "SMTP") == _constructor(SMTPBackend)


def test_the_options_of_wrappers_and_routers_are_in_the_reference() -> None:
    page = "mailers-and-options.md"
    of_wrappers = _constructor(WrapperBackend)
    assert _table(page, "Wrappers and routers") == of_wrappers
    assert _table(page, "Redirect") == _constructor(Redirect) - of_wrappers
    assert _table(page, "DKIM") == _constructor(Dkim) - of_wrappers
    assert _table(page, "Rate limit") == _constructor(RateLimit) - of_wrappers
    of_routers = _constructor(RouterBackend)
    assert _table(page, "Routers") == of_routers - of_wrappers
    assert _table(page, "Round robin") == _constructor(RoundRobin) - of_routers
    assert _table(page, "Route") == _constructor(Route) - of_routers
    assert _constructor(Failover) == of_routers


def test_the_email_settings_of_the_options_are_in_the_reference() -> None:
    text = (REFERENCE / "mailers-and-options.md").read_text(encoding="utf-8")
    pairs = re.findall(r"^\| `(\w+)` \| `(EMAIL_\w+)` \|$", text, re.M)
    assert dict(pairs) == dict(EMAIL_SETTING_OF_OPTION)


def test_the_keys_of_mailplus_are_in_the_reference_with_type_and_default() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (?:`([^`]+)`|empty) \|", text, re.M)
    assert {row[0]: row[1:] for row in rows} == {
        name: (key.type.__name__, str(key.default)) for name, key in conf.KEYS.items()
    }


def test_the_outbox_is_in_the_reference() -> None:
    text = (REFERENCE / "outbox.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    rows = {
        name: set(re.findall(r"^\| `(\w+)` \|", part, re.M))
        for name, part in parts.items()
    }
    assert rows["The backend"] == _constructor(OutboxBackend, WrapperBackend)
    assert rows["Options of a mail"] == {field.name for field in fields(OutboxOptions)}
    assert rows["States"] == set(State.values)
    assert rows["Tables"] == {
        *(field.name for field in OutboxMessage._meta.concrete_fields),
        *("Payload", "Blob", "Recipient", "Attempt", "MailerState"),
        *("ProviderMessage", "TrackingEvent"),
    }


def test_every_command_has_its_section_and_no_other_is_documented() -> None:
    folder = ROOT / "django_mailplus" / "management" / "commands"
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    there = {path.stem for path in folder.glob("[a-z]*.py")}
    assert set(re.findall(r"^## (\w+)$", text, re.M)) == there == set(COMMANDS)


def _arguments(parser: ArgumentParser) -> set[str]:
    """Those of actions, and the actions, included."""
    found = set()
    for action in parser._actions:
        found.add(action.option_strings[-1] if action.option_strings else action.dest)
        if isinstance(action, _SubParsersAction):
            found |= {*action.choices}
            found |= {
                name for sub in action.choices.values() for name in _arguments(sub)
            }
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_of_a_command_is_in_the_reference(name: str) -> None:
    common = _arguments(BaseCommand().create_parser("manage.py", name))
    found = _arguments(_command(name).create_parser("manage.py", name))
    assert _table("commands.md", name) == found - common


def _python(folder: str) -> str:
    return "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.py")
    )


def test_every_check_id_is_in_the_reference_in_the_table_of_ids_and_in_a_test() -> None:
    used = set(re.findall(r'"(mailplus\.[EW]\d{3})"', _python("django_mailplus")))
    assert _table("checks.md") == used
    assert len(used) > 15
    listed = set()
    for kind, first, last in re.findall(
        r"\b([EW])(\d{3})(?: to [EW](\d{3}))?", django_mailplus.checks.__doc__
    ):
        numbers = range(int(first), int(last or first) + 1)
        listed |= {f"mailplus.{kind}{number:03}" for number in numbers}
    assert used <= listed
    tested = {
        f"mailplus.{id_}" for id_ in re.findall(r"\b[EW]\d{3}\b", _python("tests"))
    }
    assert used <= tested


def test_every_finding_of_a_check_has_a_hint() -> None:
    calls = [
        (path.name, call.lineno, {keyword.arg for keyword in call.keywords})
        for path in (ROOT / "django_mailplus").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and "id" in {k.arg for k in call.keywords}
        if getattr(call.func, "id", "") in ("Error", "Warning")
    ]
    assert len(calls) > 50
    assert [call for call in calls if "hint" not in call[2]] == []


def test_every_signal_is_in_the_reference() -> None:
    documented = _table("signals.md", "Of messages") | _table(
        "signals.md", "Of the outbox"
    )
    documented |= _table("signals.md", "Of the do-not-mail list")
    assert documented == set(signals.__all__)
    documented = _table("signals.md", "Of the verification")
    assert documented == {
        name
        for name in verification_signals.__all__
        if isinstance(getattr(verification_signals, name), Signal)
    }


def test_the_pages_of_the_verification_are_in_the_reference() -> None:
    names = {pattern.name for pattern in urls.urlpatterns}
    assert _table("verification.md", "Pages") == names


def test_the_answers_of_the_verification_are_in_the_reference() -> None:
    answers = {*get_args(Status), *get_args(Outcome)}
    assert _table("verification.md", "Results") == answers


def test_the_fields_of_an_address_are_in_the_reference() -> None:
    internal = {"id", "mailbox_key", "nonce", "verified_key", "previous_email"}
    fields = {field.name for field in EmailAddress._meta.fields}
    shown = {name for name in fields - internal if not name.startswith("code_")}
    assert _table("verification.md", "The table") == shown


def test_the_do_not_mail_list_is_in_the_reference() -> None:
    page = "suppression.md"
    assert _table(page, "Reasons") == set(Reason.values)
    names = {pattern.name for pattern in suppression_urls.urlpatterns}
    assert _table(page, "Pages") == names
    templates = ROOT / "django_mailplus" / "templates" / "mailplus" / "unsubscribe"
    assert _table(page, "Templates") == {path.name for path in templates.iterdir()}
    fields = {field.name for field in Suppression._meta.concrete_fields}
    assert _table(page, "The table") == fields - {"id", "key"}
    assert _table(page, "Columns of a file") == set(COLUMNS)


def test_the_inbox_is_in_the_reference() -> None:
    names = {pattern.name for pattern in inbox_urls.urlpatterns}
    assert _table("inbox.md", "Pages") == names
    assert _table("mailers-and-options.md", "Inbox") == _constructor(Inbox)
    text = (REFERENCE / "inbox.md").read_text(encoding="utf-8")
    assert all(f"`{name}:`" in text for name in OPERATORS)


def test_the_permissions_of_the_outbox_are_in_the_reference() -> None:
    added = {codename for codename, _ in OutboxMessage._meta.permissions}
    names = {f"mailplus.{name}" for name in {"view_outboxmessage", *added}}
    assert _table("watching.md", "Permissions") == names


def test_the_pages_for_monitors_are_in_the_reference() -> None:
    names = {pattern.name for pattern in outbox_urls.urlpatterns}
    arguments = {*vars(HealthView), "token"} & {*inspect.signature(health).parameters}
    documented = _table("watching.md", "Pages for monitors")
    assert documented == names | arguments | {"token"}
    fields = {field.name for field in dataclasses.fields(Health)}
    assert _table("watching.md", "health()") == fields
    fields = {field.name for field in dataclasses.fields(Pause)}
    assert _table("watching.md", "Pause") == fields


TEMPLATES = ROOT / "django_mailplus" / "templates" / "mailplus" / "verification"
MAIL_ROW = re.compile(r"^\| `mail/(\w+)\.html` \|[^|]*\|(.*)\|$", re.M)


def test_every_template_of_the_verification_is_in_the_reference() -> None:
    text = (REFERENCE / "verification.md").read_text(encoding="utf-8")
    mails = {f"mail/{name}.html" for name, _ in MAIL_ROW.findall(text)}
    documented = mails | _table("verification.md", "Templates of pages")
    files = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")}
    assert documented == files


@pytest.mark.django_db
def test_the_context_of_every_mail_is_in_the_reference(
    settings: Any,
) -> None:
    settings.MAILPLUS = {
        "BASE_URL": "https://shop.example.com",
        "VERIFICATION_RESEND_COOLDOWN": 0,
    }
    text = (REFERENCE / "verification.md").read_text(encoding="utf-8")
    common = re.search(r"^Common names: (.*?)\. ", text, re.M | re.S)
    assert common is not None
    always = set(re.findall(r"`(\w+)`", common[1]))
    documented = {
        prefix: always | set(re.findall(r"`(\w+)`", names))
        for prefix, names in MAIL_ROW.findall(text)
    }
    seen: dict[str, dict[str, Any]] = {}

    def look(template: Any, context: Context, **kwargs: object) -> None:
        folder, _, name = template.name.rpartition("/")
        if folder.endswith("/verification/mail"):
            seen[name.removesuffix(".html")] = context.flatten()

    user = get_user_model().objects.create_user("ann", "ann@example.com")
    template_rendered.connect(look)
    try:
        send_verification_email(user)
        send_account_exists_email("ann@example.com")
        request_verification_email(Ticket.of("unknown@example.com"))
        verify_email_address(user)
        start_email_change(user, "new@example.com")
        confirm_change_link(seen["change"]["uid"], seen["change"]["token"])
    finally:
        template_rendered.disconnect(look)
    python = {"True", "False", "None"}
    assert documented == {name: set(context) - python for name, context in seen.items()}


def _public() -> dict[str, set[str]]:
    found = {}
    for module in pkgutil.walk_packages(django_mailplus.__path__, "django_mailplus."):
        if not INTERNAL.match(module.name):
            names = getattr(importlib.import_module(module.name), "__all__", ())
            if names:
                found[module.name] = set(names)
    return found


def test_every_public_name_is_in_the_reference_and_no_other() -> None:
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## ([\w.]+)$", text, re.M)
    assert {name: _table("api.md", name) for name in headings} == _public()


def test_the_catalogue_page_is_made_from_the_catalogue() -> None:
    path = ROOT / "django_mailplus" / "doctor" / "failures.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["failure"]
    spec = importlib.util.spec_from_file_location("docs_conf", DOCS / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    docs_conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs_conf)
    assert re.findall(r"^## ([\w-]+)$", docs_conf.failures(), re.M) == [
        row["id"] for row in rows
    ]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version = project["project"]["version"]
    changelog = (DOCS / "changelog.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.M)
    assert newest is not None
    assert newest[1] == version == django_mailplus.__version__
    assert f"version {version}," in (DOCS / "index.md").read_text(encoding="utf-8")
