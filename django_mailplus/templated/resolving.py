"""From the name of a mail to its files: the spellings that Django projects use.

One file holds all parts as blocks; where there is none, a subject, a text and an HTML file
are looked for under the names that Django, allauth and this package give them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.template import TemplateDoesNotExist, engines
from django.template.backends.django import DjangoTemplates, Template
from django.template.loader import get_template

from django_mailplus.exceptions import MailTemplateError
from django_mailplus.templated.blocks import has_block, inherits_block

__all__ = ["Files", "find_files", "template_folders"]

_FOLDERS = ("mail/", "")
_NO_SUBJECT = " (has no block named subject)"
_ONE_FILE = ("{name}.html", "{name}.email")


@dataclass(frozen=True, slots=True)
class _Spelling:
    """Names of a mail in several files; `text` and `html` need not both exist."""

    subject: str
    text: str
    html: str = ""


_SPELLINGS = (
    _Spelling("{name}_subject.txt", "{name}_message.txt", "{name}_message.html"),
    _Spelling("{name}_subject.txt", "{name}_body.txt", "{name}_body.html"),
    _Spelling("{name}_subject.txt", "{name}.txt", "{name}.html"),
    _Spelling("{name}/subject.txt", "{name}/body.txt", "{name}/body.html"),
    # Django's own mails are text in a file that is called HTML.
    _Spelling("{name}_subject.txt", "{name}_email.html"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The templates of one mail: `one` with blocks, or a subject with text, HTML or both."""

    one: Any = None
    subject: Any = None
    text: Any = None
    html: Any = None

    @property
    def name(self) -> str:
        """The file that a person would open to change the mail."""
        found = self.one or self.html or self.text
        return str(found.template.name)


def find_files(name: str, language: str | None = None) -> Files:
    """The files of a mail, those in `language` first: `welcome.de.html`, `welcome.html`.

    They are looked for in the folder mail/ of each template folder, then as the name
    stands; a name with .html or .email is that file. Raises MailTemplateError with every
    path that was tried.
    """
    tried: list[str] = []
    stem = name
    for ending in (".html", ".email"):
        stem = stem.removesuffix(ending)
    one_file = [name.replace(stem, "{name}", 1)] if stem != name else _ONE_FILE
    for folder in _FOLDERS:
        base = folder + stem
        one = _one(_paths(one_file, base, language), tried)
        if one is not None and has_block(one.template, "subject"):
            return Files(one=one)
        if stem == name and (files := _several(base, language, tried)) is not None:
            return files
        if one is not None:
            return Files(one=one)
    raise MailTemplateError(_complaint(name, tried))


def _one(paths: Iterator[str], tried: list[str]) -> Any | None:
    for path in paths:
        if (file := _get(path, tried)) is not None and _has_subject(file, tried):
            return file
    return None


def _several(base: str, language: str | None, tried: list[str]) -> Files | None:
    for spelling in _SPELLINGS:
        subject = _first([spelling.subject], base, language, tried)
        if subject is None:
            continue
        text = _first([spelling.text], base, language, tried)
        html = _first([spelling.html], base, language, tried) if spelling.html else None
        if text is not None or html is not None:
            return Files(subject=subject, text=text, html=html)
    return None


def _first(
    forms: list[str], base: str, language: str | None, tried: list[str]
) -> Any | None:
    for path in _paths(forms, base, language):
        if (template := _get(path, tried)) is not None:
            return template
    return None


def _paths(
    forms: list[str] | tuple[str, ...], base: str, language: str | None
) -> Iterator[str]:
    for form in forms:
        path = form.format(name=base)
        stem, _, ending = path.rpartition(".")
        for code in _codes(language):
            yield f"{stem}.{code}.{ending}"
        yield path


def _codes(language: str | None) -> list[str]:
    """pt-br is looked for as pt-br, then as pt."""
    if not language:
        return []
    return list(dict.fromkeys([language, language.partition("-")[0]]))


def _get(path: str, tried: list[str]) -> Any | None:
    """A template, of whichever engine has it; None and a note where there is none."""
    try:
        return get_template(path)
    except TemplateDoesNotExist as error:
        if error.args[0] != path:  # one that it extends or includes
            raise
        if path not in tried:
            tried.append(path)
        return None


def _has_subject(file: Any, tried: list[str]) -> bool:
    """Whether it is a mail in one file, of its own or by what it extends.

    The HTML file of a triple has no subject, or one that its layout shows as a title.
    """
    if isinstance(file, Template) and (
        has_block(file.template, "subject") or inherits_block(file.template, "subject")
    ):
        return True
    tried.append(f"{file.template.name}{_NO_SUBJECT}")
    return False


def template_folders() -> Iterator[Any]:
    """Where files of templates are looked for, by every engine and loader of the project."""
    for engine in engines.all():
        if not isinstance(engine, DjangoTemplates):
            yield from getattr(engine, "template_dirs", ())
            continue
        for loader in engine.engine.template_loaders:
            yield from getattr(loader, "get_dirs", tuple)()


def _complaint(name: str, tried: list[str]) -> str:
    return "\n".join(
        [
            f"There is no mail template {name!r}.",
            "Tried:",
            *(f"  {path}" for path in tried),
            "in the folders:",
            *(f"  {folder}" for folder in template_folders()),
            _remedy(name, tried),
        ]
    )


def _remedy(name: str, tried: list[str]) -> str:
    write = f"rite mail/{name}.html with a block named subject, or correct the name."
    found = [path.removesuffix(_NO_SUBJECT) for path in tried if _NO_SUBJECT in path]
    if not found:
        return f"W{write}"
    if found[0] == f"mail/{name}.html":
        return f"Add {{% block subject %}}…{{% endblock %}} to {found[0]}."
    return f"Add {{% block subject %}}…{{% endblock %}} to {found[0]}, w{write}"
