"""The kit for test cases of unittest: the same mailbox, assertions in the style of the house."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from django_mailplus.testing.assertions import (
    assert_mail_sent,
    assert_no_mail_sent,
    assert_parts_agree,
)
from django_mailplus.testing.criteria import Criteria
from django_mailplus.testing.mailbox import Mailbox
from django_mailplus.testing.sent_mail import SentMail
from django_mailplus.testing.snapshots import FOLDER, Snapshots, snapshot_name

if TYPE_CHECKING:
    from unittest import TestCase
else:
    TestCase = object

__all__ = ["MailAssertionsMixin"]

_UPDATE = "MAIL_SNAPSHOT_UPDATE"  # "1" writes; a test runner has no option for it


class MailAssertionsMixin(TestCase):
    """`class SignUp(MailAssertionsMixin, TestCase)`, with `self.mailbox` in each test."""

    @cached_property
    def mailbox(self) -> Mailbox:
        return Mailbox()

    def assertMailSent(  # noqa: N802 (named as unittest's are)
        self, *, count: int | None = None, **criteria: Unpack[Criteria]
    ) -> list[SentMail]:
        return assert_mail_sent(count=count, **criteria)

    def assertNoMailSent(self, **criteria: Unpack[Criteria]) -> None:  # noqa: N802
        assert_no_mail_sent(**criteria)

    def assertMailPartsAgree(self, mail: SentMail) -> None:  # noqa: N802
        assert_parts_agree(mail)

    def assertMailSnapshot(  # noqa: N802
        self,
        mail: SentMail,
        *,
        name: str = "",
        replace: Mapping[str, str] | None = None,
    ) -> None:
        """As the fixture `mail_snapshot`; MAIL_SNAPSHOT_UPDATE=1 in the environment writes."""
        self._snapshots.check(mail, name, replace)

    @cached_property
    def _snapshots(self) -> Snapshots:
        source = sys.modules[type(self).__module__].__file__ or ""
        path = Path(source)
        test = snapshot_name(path.stem, type(self).__qualname__, self._testMethodName)
        return Snapshots(
            folder=path.parent / FOLDER,
            name=test,
            update=os.environ.get(_UPDATE) == "1",
            update_with=f"{_UPDATE}=1 in the environment",
        )
