"""The translations: all of what is marked, true to its placeholders, on every page and in every mail."""

from __future__ import annotations

import ast
import gettext
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from django.core import mail
from django.template.base import Lexer, TokenType
from django.urls import reverse
from django.utils import translation
from verification_stage import make_user, said
from verification_tour import WORD, Tour, without_tags

import django_mailplus
from django_mailplus.verification import send_verification_email
from django_mailplus.verification.models import EmailAddress

PACKAGE = Path(django_mailplus.__file__).parent
TEMPLATES = PACKAGE / "templates"
LOCALES = ("de", "es", "fr", "it", "nl", "pl", "pt_BR")
PLACES = re.compile(r"%\(\w+\)[sd]|%[sd]|</?\w+>")

# The one block of the admin that stands within a tag.
CLASSES = re.compile(r"{% block bodyclass %}.*?{% endblock %}")

every_locale = pytest.mark.parametrize("locale", LOCALES)


# --- The catalogues as files


@dataclass
class Entry:
    msgid: str = ""
    plural: str | None = None
    texts: list[str] = field(default_factory=list)
    fuzzy: bool = False

    def places(self, form: int) -> list[Counter[str]]:
        """What a form may hold. That of the number one may leave the number out."""
        sources = [self.msgid] if self.plural is None else [self.plural]
        if self.plural is not None and form == 0:
            sources.append(self.msgid)
        return [Counter(PLACES.findall(source)) for source in sources]


def read_po(path):
    """The entries of a catalogue, the first of which is its header."""
    entries = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        assert "#~" not in block, "obsolete"
        entry = Entry(fuzzy=bool(re.search("^#,.*fuzzy", block, re.M)))
        for keyword, lines in re.findall(r'^(msg\S+)((?:\s+".*")+)', block, re.M):
            text = ast.literal_eval(f"({lines.strip()})")
            if keyword.startswith("msgstr"):
                entry.texts.append(text)
            else:
                setattr(entry, keyword.removeprefix("msgid_"), text)
        entries.append(entry)
    return entries


@cache
def catalogue(locale):
    header, *entries = read_po(_file(locale, "po"))
    assert header.msgid == ""
    return header.texts[0], entries


def _file(locale, kind):
    return PACKAGE / "locale" / locale / "LC_MESSAGES" / f"django.{kind}"


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """What the source marks for translation, as xgettext finds it."""
    if shutil.which("xgettext") is None:
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail("To find what is marked for translation, gettext is needed.")
        pytest.skip("no xgettext")
    copy = tmp_path_factory.mktemp("source") / "django_mailplus"
    shutil.copytree(
        PACKAGE, copy, ignore=shutil.ignore_patterns("locale", "__pycache__")
    )
    (copy / "locale").mkdir()
    makemessages = ["-P", "-m", "django", "makemessages", "--locale=de", "--keep-pot"]
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    subprocess.run(
        [sys.executable, *makemessages],
        cwd=copy,
        env=environment,
        capture_output=True,
        check=True,
    )
    _, *entries = read_po(copy / "locale" / "django.pot")
    assert len(entries) > 100
    return Counter((entry.msgid, entry.plural) for entry in entries)


def test_there_is_a_catalogue_for_each_language():
    assert sorted(path.name for path in (PACKAGE / "locale").iterdir()) == [*LOCALES]


@every_locale
def test_a_catalogue_holds_exactly_what_is_marked(marked, locale):
    _, entries = catalogue(locale)
    assert Counter((entry.msgid, entry.plural) for entry in entries) == marked


@every_locale
def test_nothing_is_empty_or_unsure(locale):
    header, entries = catalogue(locale)
    forms = int(re.search(r"nplurals=(\d)", header)[1])
    for entry in entries:
        assert not entry.fuzzy, entry.msgid
        assert len(entry.texts) == (1 if entry.plural is None else forms), entry.msgid
        for text in entry.texts:
            assert text, entry.msgid
            assert text == text.strip(), entry.msgid


@every_locale
def test_placeholders_and_tags_are_kept(locale):
    for entry in catalogue(locale)[1]:
        for form, text in enumerate(entry.texts):
            assert Counter(PLACES.findall(text)) in entry.places(form), text


@every_locale
def test_what_is_compiled_is_what_is_written(locale):
    header, entries = catalogue(locale)
    # Some versions of msgfmt leave the date out.
    date = r"^POT-Creation-Date: .*\n"
    expected = {"": re.sub(date, "", header, flags=re.M)}
    for entry in entries:
        for form, text in enumerate(entry.texts):
            key = entry.msgid if entry.plural is None else (entry.msgid, form)
            expected[key] = text
    with _file(locale, "mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    held = dict(compiled._catalog)  # nothing public lists the entries
    held[""] = re.sub(date, "", held[""], flags=re.M)
    assert held == expected


@every_locale
def test_a_header_says_what_is_needed_and_names_nobody(locale):
    header, _ = catalogue(locale)
    names = re.findall(r"^([\w-]+):", header, re.M)
    assert f"\nLanguage: {locale}\n" in header
    assert "charset=UTF-8\n" in header
    assert not {"Last-Translator", "Language-Team", "PO-Revision-Date"} & {*names}
    rule = gettext.c2py(re.search(r"plural=(.*);", header)[1])
    assert {rule(n) for n in range(1000)} <= set(range(4))
    assert rule(1) == 0
    assert rule(2) > 0


def test_numbers_in_polish():
    _, entries = catalogue("pl")
    [entry] = [e for e in entries if "%(seconds)s" in (e.plural or "")]
    with translation.override("pl"):
        said = {
            n: translation.ngettext(entry.msgid, entry.plural, n) % {"seconds": n}
            for n in (1, 2, 5, 12, 22, 60)
        }
    assert "na sekundę" in said[1]
    assert "2 sekundy" in said[2]
    assert "5 sekund." in said[5]
    assert "12 sekund." in said[12]
    assert "22 sekundy" in said[22]
    assert "60 sekund." in said[60]


# --- What a reader sees


def template_files():
    """But those of inbox and previews, which developers read, and which stay English."""
    found = {p.relative_to(TEMPLATES).as_posix(): p for p in TEMPLATES.rglob("*.*")}
    ours = ("mailplus/developers.html", "mailplus/inbox/", "mailplus/previews/")
    return {n: p for n, p in found.items() if not n.startswith(ours)}


@pytest.mark.parametrize("name", sorted(template_files()))
def test_no_word_stands_in_a_template_unmarked(name):
    """In no branch, whether it is rendered here or not."""
    source = template_files()[name].read_text(encoding="utf-8")
    text, marked = "", False
    for token in Lexer(CLASSES.sub("", source)).tokenize():
        if token.token_type == TokenType.BLOCK:
            word = token.contents.split()[0]
            marked = word == "blocktranslate" or (
                marked and word != "endblocktranslate"
            )
        elif token.token_type == TokenType.TEXT and not marked:
            text += token.contents
        else:
            text += "0"  # a value, so that tags around it stay whole
    assert not re.search(r'\s(alt|title|placeholder|aria-label)="[^"]*[a-z]', text)
    assert not WORD.search(without_tags(text)), text


@pytest.fixture
def shop(db, settings):
    settings.MAILPLUS = {
        "BASE_URL": "https://shop.example.com",
        "BULK_STREAMS": {"news": "1", "more": "2"},
        "VERIFICATION_RESEND_COOLDOWN": 0,
        "VERIFICATION_MAX_SENDS_PER_DAY": 1_000,
    }


@cache
def english():
    return Tour("en").lines()


def test_the_tour_sees_every_template(shop):
    of_the_outbox = {n for n in template_files() if n.startswith("mailplus/outbox/")}
    assert Tour("en").templates == set(template_files()) - of_the_outbox


@every_locale
def test_no_english_is_left_over(shop, locale):
    english()
    language = translation.to_language(locale)
    tour = Tour(language)
    same = {e.msgid for e in catalogue(locale)[1] if e.msgid == e.texts[0]}
    assert len(tour.lines()) > 80
    assert tour.lines() & english() <= same
    pages = [text for text in tour.texts if "<html" in text]
    assert len(pages) > 40
    for page in pages:
        assert f'<html lang="{language}"' in page


def test_a_mail_in_german(shop):
    send_verification_email(make_user(), language="de", method="both")
    [message] = mail.outbox
    html = message.alternatives[0][0]
    assert message.subject == "Bestätigen Sie Ihre E-Mail-Adresse für shop.example.com"
    text = said(message)
    assert "Das Konto ann bei shop.example.com verwendet diese Adresse." in text
    assert "Der Link gilt 3 Tage." in text
    assert "Der Code gilt 15 Minuten." in text
    assert "<title>Bestätigen Sie Ihre E-Mail-Adresse für shop" in html
    assert "Das Konto <strong>ann</strong> bei shop.example.com" in html
    assert ">Adresse bestätigen</a>" in html
    assert EmailAddress.objects.get().language == "de"


def test_the_admin_in_german(shop, admin_client):
    send_verification_email(make_user())
    row = EmailAddress.objects.get()
    with translation.override("de"):
        rows = admin_client.get(reverse("admin:mailplus_emailaddress_changelist"))
        one = admin_client.get(
            reverse("admin:mailplus_emailaddress_change", args=[row.pk])
        )
    for words in (
        "E-Mail-Adressen",
        "Bestätigung zurücknehmen",
        "Zweck",
        "Angelegt am",
    ):
        assert words in rows.content.decode()
    for words in (
        "Aktiviert den Benutzer",
        "Das Konto ist inaktiv, bis",
        "Gemeldet am",
    ):
        assert words in one.content.decode()
