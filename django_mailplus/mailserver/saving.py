"""A folder of received mails as .eml files, sorted by name in the order of arrival."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django_mailplus.mailserver.received import ReceivedMail

__all__ = ["MailFolder"]


class MailFolder:
    """Writes each mail to a new file that only its owner may read.

    Files are named by the UTC time of arrival, to the microsecond. Nothing that a mail
    says gets into a name, and no file or link that is already there is written to.
    """

    def __init__(self, path: Path) -> None:
        """Make the folder if need be; raises OSError when that or writing is not allowed."""
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / f".{datetime.now(tz=UTC):%Y%m%dT%H%M%S.%f}.probe"
        probe.touch(mode=0o600, exist_ok=False)
        probe.unlink()
        self._last = datetime.min.replace(tzinfo=UTC)

    def save(self, mail: ReceivedMail) -> Path:
        """The new file. Raises OSError, and leaves no half file, when the disk does."""
        while True:
            # Two mails in one microsecond, or a clock set back, must not change the order.
            self._last = max(mail.received_at, self._last + timedelta(microseconds=1))
            path = self.path / f"{self._last:%Y%m%dT%H%M%S.%f}Z.eml"
            try:
                path.touch(mode=0o600, exist_ok=False)
            except FileExistsError:
                continue
            try:
                path.write_bytes(mail.raw)
            except OSError:
                path.unlink(missing_ok=True)
                raise
            return path
