# ruff: noqa: PT009, PT027 (a mix-in for unittest)
"""What every email backend owes its callers, as tests that a package runs its own through."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import connections
from django.utils.text import format_lazy

from django_mailplus.compat import get_mailer
from django_mailplus.delivery import DeliveryResult, get_result
from django_mailplus.figures import count_of
from django_mailplus.testing.overriding import override_mailers

if TYPE_CHECKING:
    from unittest import TestCase
else:
    TestCase = object

__all__ = ["BackendContract"]

_THREADS = 8


class BackendContract(TestCase):
    """A mix-in for a test case of Django's, with the mailer to be tested.

    `mailer` is its entry of MAILERS, `beside` are the other mailers it needs. `unreachable`
    is an entry that cannot send, such as one with a port on which nobody listens; without
    it nothing is tested about errors. Whether mails arrive is not tested.
    """

    mailer: ClassVar[Mapping[str, Any]]
    beside: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    unreachable: ClassVar[Mapping[str, Any] | None] = None

    def setUp(self) -> None:
        super().setUp()
        if not hasattr(self, "mailer"):
            self.fail(
                f"{type(self).__name__} needs `mailer`: the entry of MAILERS that is to be "
                'tested, such as {"BACKEND": "shop.mail.EmailBackend"}'
            )
        mailers = {"default": self.mailer, "tested": self.mailer, **self.beside}
        if self.unreachable is not None:
            mailers["unreachable"] = self.unreachable
        stack = ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(override_mailers(mailers))

    def make_message(self, subject: Any = "Hello", **options: Any) -> EmailMessage:
        """What is sent; override it where the backend wants something special."""
        return EmailMultiAlternatives(
            subject,
            "Body",
            "Ann <ann@example.com>",
            ["bob@example.com"],
            cc=["carol@example.com"],
            bcc=["dave@example.com"],
            headers={"X-Order": "1"},
            reply_to=["ann@example.org"],
            **options,
        )

    def connect(self, alias: str = "tested") -> Any:
        """A new backend of a mailer; override it where it is to be made in another way."""
        return get_mailer(alias)

    def send(self, *messages: EmailMessage) -> Any:
        return self.connect().send_messages([*messages])

    def _assert_sent(self, count: Any, wanted: int = 1) -> None:
        self.assertEqual(
            count,
            wanted,
            f"send_messages() got {count_of(wanted, 'message')} and has to return how many "
            "it sent, as send() and send_mail() do to their callers",
        )

    def test_it_returns_how_many_messages_were_sent(self) -> None:
        self._assert_sent(self.send(self.make_message(), self.make_message()), 2)

    def test_no_messages_are_no_error(self) -> None:
        count = self.connect().send_messages([])
        self.assertFalse(count, "send_messages([]) has to return 0, or None")

    def test_the_callers_message_stays_as_it_was(self) -> None:
        message = self.make_message(attachments=[("a.txt", "text", "text/plain")])
        before = copy.deepcopy(vars(message))
        self.send(message)
        # What a backend keeps there of its own, such as `anymail_status`, is no change.
        after = {name: vars(message).get(name) for name in before}
        changed = [name for name in before if before[name] != after[name]]
        self.maxDiff = None
        self.assertEqual(
            {name: after[name] for name in changed},
            {name: before[name] for name in changed},
            "send_messages() changed the message of its caller, who may send it again or "
            "through another mailer; change a copy",
        )

    def test_a_message_can_be_sent_again(self) -> None:
        message = self.make_message()
        self._assert_sent(self.send(message))
        self._assert_sent(self.send(message))

    def test_a_delivery_result_is_one_or_is_absent(self) -> None:
        message = self.make_message()
        self.send(message)
        result = get_result(message)
        if result is not None:
            self.assertIsInstance(result, DeliveryResult)
            told = {recipient.address for recipient in result.recipients}
            self.assertTrue(told)

    def test_letters_of_all_languages_are_sent(self) -> None:
        message = self.make_message("Grüße, 世界 🎉")
        message.body = "Ω ≈ ç √\n" * 3
        message.cc = ["Zoë Müller <zoe@example.com>"]
        self._assert_sent(self.send(message))

    def test_lazy_strings_are_sent_as_text(self) -> None:
        self._assert_sent(self.send(self.make_message(format_lazy("Yes"))))

    def test_attachments_are_sent(self) -> None:
        message = self.make_message(
            attachments=[("ü.txt", "text", "text/plain"), ("b.bin", b"\0\xff", None)]
        )
        message.attach_alternative("<p>Body</p>", "text/html")  # type: ignore[attr-defined]
        self._assert_sent(self.send(message))

    def test_a_header_cannot_be_broken_into_two(self) -> None:
        with self.assertRaises(
            ValueError,
            msg="a subject with a line end has to be refused before anything is sent; "
            "message.message() of Django does so",
        ):
            self.send(self.make_message("a\nBcc: eve@example.com"))

    def test_open_and_close_are_safe_at_any_time(self) -> None:
        backend = self.connect()
        backend.close()
        backend.open()
        self.assertFalse(backend.open(), "a second open() opened another connection")
        backend.close()
        backend.close()

    def test_it_sends_after_it_was_closed(self) -> None:
        with self.connect() as backend:
            self._assert_sent(backend.send_messages([self.make_message()]))
        self._assert_sent(backend.send_messages([self.make_message()]))
        backend.close()

    def test_each_send_of_many_threads_is_counted(self) -> None:
        counts: list[Any] = []
        errors: list[Exception] = []

        def send() -> None:
            try:
                counts.append(self.send(self.make_message()))
            except Exception as error:
                errors.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=send) for _ in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        self.assertEqual(
            counts, [1] * _THREADS, "each thread sent one message with its own backend"
        )

    def test_what_cannot_be_sent_raises(self) -> None:
        if self.unreachable is None:
            self.skipTest("'unreachable' is not set")
        with self.assertRaises(  # noqa: B017 (each backend has its own)
            Exception, msg="'unreachable' cannot send, and nobody hears of it"
        ):
            self.connect("unreachable").send_messages([self.make_message()])

    def test_fail_silently_raises_nothing(self) -> None:
        if self.unreachable is None:
            self.skipTest("'unreachable' is not set")
        backend = self.connect("unreachable")
        if "fail_silently" not in vars(backend):  # Django 6.1 warns of its own
            self.skipTest("the backend knows no fail_silently")
        backend.fail_silently = True
        self.assertFalse(
            backend.send_messages([self.make_message()]),
            "with fail_silently a message that was not sent was counted",
        )
