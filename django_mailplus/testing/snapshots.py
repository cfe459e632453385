"""Mails kept as files beside the tests, to be compared with in every later run."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django_mailplus.testing.sent_mail import SentMail
from django_mailplus.testing.steadying import steady

__all__ = ["FOLDER", "Snapshots", "snapshot_name"]

FOLDER = "__mail_snapshots__"
_LONGEST = 120  # characters of a name; file systems take 255 bytes


def snapshot_name(*parts: str) -> str:
    """For the file of a test, of the names of module, class and test.

    What no file name may have becomes "-"; then a few characters keep two names apart.
    """
    whole = ".".join(part for part in parts if part)
    plain = re.sub(r"[^\w.-]+", "-", whole, flags=re.ASCII).strip("-")[:_LONGEST]
    if plain == whole:
        return plain
    return f"{plain}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"


@dataclass(kw_only=True)
class Snapshots:
    """Those of one test. `update_with` is how a reader of a failure has them written."""

    folder: Path
    name: str
    update: bool
    update_with: str
    written: list[Path] = field(default_factory=list)
    used: list[Path] = field(default_factory=list)

    def check(
        self, mail: SentMail, name: str = "", replace: Mapping[str, str] | None = None
    ) -> None:
        """Raise AssertionError, with the differences, if the mail is not as it was kept."""
        __tracebackhide__ = True
        path = self._path(name)
        self.used.append(path)
        now = steady(mail, replace or {})
        kept = path.read_text(encoding="utf-8") if path.exists() else None
        if now == kept:
            return
        if self.update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(now, encoding="utf-8", newline="\n")
            self.written.append(path)
            return
        shown = f"{FOLDER}/{path.name}"
        if kept is None:
            raise AssertionError(
                f"There is no snapshot {shown} of {mail!r} yet. {self.update_with} writes it."
            )
        raise AssertionError(
            f"{mail!r} is not as it was. If it is meant to be, {self.update_with} writes "
            f"{shown} anew.\n" + "\n".join(_difference(kept, now))
        )

    def _path(self, name: str) -> Path:
        """A second mail of a test needs a name of its own."""
        path = (
            self.folder / f"{self.name}{f'~{snapshot_name(name)}' if name else ''}.txt"
        )
        if path in self.used:
            raise ValueError(
                f"{path.name} is compared with two mails in one test. Give the second a "
                "name: mail_snapshot(mail, name='reminder')."
            )
        return path


def _difference(kept: str, now: str) -> Iterator[str]:
    return difflib.unified_diff(
        kept.splitlines(), now.splitlines(), "as it was", "as it is", lineterm=""
    )
