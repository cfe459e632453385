"""`manage.py mailpreview`: the mails of a project, without sending one."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from django_mailplus.figures import count_of
from django_mailplus.management.base import MailplusCommand
from django_mailplus.management.guessing import did_you_mean
from django_mailplus.previews.cases import Case, Preview, Shown
from django_mailplus.previews.finding import find_previews
from django_mailplus.previews.judging import faults
from django_mailplus.previews.languages import languages
from django_mailplus.viewer import clean_line, view
from django_mailplus.viewer.frame import frame_document

Rendering = tuple[Preview, Case, str]

_NO_MAILS = (
    "There are no mails to preview. Write a subclass of django_mailplus.templated.Mail with "
    "previews() into mails.py of an app."
)


class Command(MailplusCommand):
    help = (
        "Lists the mails of the project, which stand in mails.py and previews.py of its "
        "apps. With a name it prints that mail; --check renders all of them in every "
        "language, --out writes them to files. Nothing is sent or stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", nargs="?", help="One mail, such as shop.OrderMail; all without it."
        )
        parser.add_argument("--case", help="One case of it, by its name in the list.")
        parser.add_argument(
            "--language",
            action="append",
            help="A language instead of all in LANGUAGES; may be given several times.",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="Render and judge them; fails if one has a fault or no preview.",
        )
        parser.add_argument(
            "--out",
            metavar="DIR",
            type=Path,
            help="Write each as .eml, .html and .txt into this folder.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        previews = _chosen(options["name"])
        spoken = _spoken(options["language"])
        renderings = list(_renderings(previews, options["case"], spoken))
        if options["check"]:
            self._check(previews, renderings)
        if options["out"]:
            self._write(renderings, options["out"])
        if options["check"] or options["out"]:
            return
        if options["name"]:
            self._print(renderings)
        else:
            self._list(previews)

    def _list(self, previews: list[Preview]) -> None:
        if not previews:
            self.stdout.write(_NO_MAILS)
        for preview in previews:
            description = preview.description.partition("\n")[0]
            self.stdout.write(
                f"{self.style.MIGRATE_LABEL(preview.slug)}  {description}"
            )
            for case in preview.cases:
                self.stdout.write(f"  {case.slug}")
            if trouble := _trouble(preview):
                self.stdout.write(f"  {self.style.ERROR(trouble)}")

    def _print(self, renderings: list[Rendering]) -> None:
        failed = 0
        for preview, case, language in renderings:
            title = f"── {preview.slug} · {case.slug} · {language} "
            self.stdout.write(self.style.MIGRATE_HEADING(title))
            shown = case.show(language)
            if shown.problem:
                failed += 1
                self.stdout.write(shown.problem.traceback)
                continue
            seen = view(shown.raw)
            self.stdout.write(
                f"{self.style.MIGRATE_LABEL(seen.subject)}\n\n{seen.text or ''}"
            )
        _refuse(failed, renderings)

    def _check(self, previews: list[Preview], renderings: list[Rendering]) -> None:
        if not previews:
            raise CommandError(_NO_MAILS)
        failed = 0
        for preview in previews:
            if trouble := _trouble(preview):
                failed += 1
                self.stdout.write(
                    f"{self.style.ERROR('FAILED')}  {preview.slug}: {trouble}"
                )
        for preview, case, language in renderings:
            name = f"{preview.slug} {case.slug} {language}"
            found = list(faults(case.show(language)))
            failed += bool(found)
            if not found:
                self.stdout.write(f"{self.style.SUCCESS('ok')}  {name}")
            for fault in found:
                self.stdout.write(
                    f"{self.style.ERROR('FAILED')}  {name}: {clean_line(fault)}"
                )
        _refuse(failed, renderings)
        self.stdout.write(
            f"All is well: {count_of(len(renderings), 'rendering')}, "
            f"{count_of(len(previews), 'mail')}."
        )

    def _write(self, renderings: list[Rendering], folder: Path) -> None:
        written = failed = 0
        for preview, case, language in renderings:
            shown = case.show(language)
            name = f"{preview.slug}.{case.slug}.{language}"
            if shown.problem:
                failed += 1
                self.stderr.write(f"{name}: {next(faults(shown))}")
                continue
            try:
                written += _write_files(shown, folder, name)
            except OSError as error:
                raise CommandError(
                    f"{folder} cannot be written to: {error.strerror}. Name a folder that "
                    "you may write to."
                ) from error
        self.stdout.write(f"{count_of(written, 'file')} written to {folder}.")
        _refuse(failed, renderings)


def _refuse(failed: int, renderings: list[Rendering]) -> None:
    """End with an exit status that a script notices, if any failed."""
    if failed:
        total = count_of(len(renderings), "rendering")
        raise CommandError(f"{failed} failed, of {total} of the mails.")


def _spoken(asked: list[str] | None) -> list[str]:
    """Django renders an unknown language in the default one, and would hide the mistake."""
    known = dict(settings.LANGUAGES)
    for code in asked or ():
        if code not in known:
            raise CommandError(
                f"There is no language {code!r} in LANGUAGES.{did_you_mean(code, known)} "
                f"There are: {', '.join(known)}."
            )
    return asked or languages()


def _chosen(name: str | None) -> list[Preview]:
    previews = find_previews()
    if name is None:
        return previews
    chosen = [preview for preview in previews if preview.slug == name]
    if not chosen:
        names = [preview.slug for preview in previews]
        raise CommandError(
            f"There is no mail {name!r} to preview.{did_you_mean(name, names)} "
            f"There are: {', '.join(names) or 'none'}."
        )
    return chosen


def _renderings(
    previews: list[Preview], wanted: str | None, spoken: list[str]
) -> Iterator[Rendering]:
    slugs = [case.slug for preview in previews for case in preview.cases]
    if wanted is not None and wanted not in slugs:
        raise CommandError(
            f"There is no case {wanted!r}.{did_you_mean(wanted, slugs)} There are: "
            f"{', '.join(dict.fromkeys(slugs))}."
        )
    for preview in previews:
        for case in preview.cases:
            if wanted in (None, case.slug):
                yield from ((preview, case, language) for language in spoken)


def _trouble(preview: Preview) -> str:
    if preview.problem:
        return preview.problem.line
    if not preview.cases:
        return "it has no sample; give its class a previews()"
    return ""


def _write_files(shown: Shown, folder: Path, name: str) -> int:
    seen = view(shown.raw)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.eml").write_bytes(shown.raw)
    html = None
    if seen.html is not None:  # with its pictures in it, for there is no server
        html = frame_document(shown.raw, load_remote=True).html
    texts = {"html": html, "txt": seen.text}
    for ending, text in texts.items():
        if text is not None:
            (folder / f"{name}.{ending}").write_text(text, encoding="utf-8")
    return 1 + sum(text is not None for text in texts.values())
