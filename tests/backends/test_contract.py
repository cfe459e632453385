"""One battery over every backend, in every way a project can configure it."""

from __future__ import annotations

import copy
import unittest
from dataclasses import dataclass, field
from typing import Any

import pytest
from conftest import using_email_settings
from django.db import connection
from django.utils.module_loading import import_string

from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.testing import BackendContract

LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


@dataclass
class Case:
    """A backend to test as the mailer "tested", and the mailers it needs beside it."""

    path: str
    options: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)
    in_email_backend: bool = True  # whether it may be named in EMAIL_BACKEND itself
    stores: bool = False  # something in the database

    def mailers(self, smtp_options):
        smtp = {
            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
            "OPTIONS": smtp_options,
        }
        options = (
            smtp_options if self.path.endswith("smtp.EmailBackend") else self.options
        )
        tested = {"BACKEND": self.path, "OPTIONS": options}
        return {"default": tested, "tested": tested, "smtp": smtp, **self.beside}

    def email_settings(self, server):
        return {
            "EMAIL_BACKEND": self.path,
            "EMAIL_HOST": server.host,
            "EMAIL_PORT": server.port,
        }


ALONE = "in EMAIL_BACKEND it has no options, and sends nothing"
pytestmark = pytest.mark.django_db  # of the do-not-mail list

CASES = {
    "smtp": Case("django_mailplus.backends.smtp.EmailBackend"),
    "wrapper": Case("example_backends.Stamp", {"using": "smtp"}),
    "wrapper of a wrapper": Case(
        "example_backends.Stamp",
        {"using": "inner"},
        {"inner": {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": "smtp"}}},
    ),
    "inbox": Case(
        "django_mailplus.backends.inbox.EmailBackend",
        {"using": "smtp"},
        in_email_backend=False,
        stores=True,
    ),
    "suppression": Case(
        "django_mailplus.backends.suppression.EmailBackend",
        {"using": "smtp"},
        stores=True,
    ),
    "redirect": Case(
        "django_mailplus.backends.redirect.EmailBackend",
        {"using": "smtp", "allow": ["example.com"]},
        in_email_backend=False,
    ),
    "ratelimit": Case("example_backends.Limited", {"using": "smtp"}),
    "router": Case(
        "example_backends.BySubject", {"using": ["smtp", "spare"]}, {"spare": LOCMEM}
    ),
    "failover": Case(
        "django_mailplus.backends.failover.EmailBackend", {"using": ["smtp"]}
    ),
    "roundrobin": Case(
        "django_mailplus.backends.roundrobin.EmailBackend", {"using": {"smtp": 2}}
    ),
    "route": Case(
        "django_mailplus.backends.route.EmailBackend",
        {"using": ["smtp"], "routes": {"example.com": "smtp"}},
    ),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def case(request):
    return CASES[request.param]


@pytest.fixture(params=["MAILERS", "EMAIL_BACKEND"])
def way(request, case):
    """How the project names the backend."""
    if request.param == "EMAIL_BACKEND" and not case.in_email_backend:
        pytest.skip(ALONE)
    return request.param


@pytest.fixture
def backend(case, way, server, with_mailers, with_email_settings):
    """The backend under test, sending to the scripted server."""
    if way == "MAILERS":
        with_mailers(case.mailers({"host": server.host, "port": server.port}))
        return get_mailer("tested")
    with_email_settings(**case.email_settings(server))
    return get_mailer("default")


# Of each test of the kit, how many mails the server has then.
KIT = {
    "test_a_delivery_result_is_one_or_is_absent": 1,
    "test_a_header_cannot_be_broken_into_two": 0,
    "test_a_message_can_be_sent_again": 2,
    "test_attachments_are_sent": 1,
    "test_each_send_of_many_threads_is_counted": 8,
    "test_fail_silently_raises_nothing": 0,
    "test_it_returns_how_many_messages_were_sent": 2,
    "test_it_sends_after_it_was_closed": 2,
    "test_lazy_strings_are_sent_as_text": 1,
    "test_letters_of_all_languages_are_sent": 1,
    "test_no_messages_are_no_error": 0,
    "test_open_and_close_are_safe_at_any_time": 0,
    "test_the_callers_message_stays_as_it_was": 1,
    "test_what_cannot_be_sent_raises": 0,
}


class Kit(BackendContract, unittest.TestCase):
    """The battery of the kit; without MAILERS where `alone` gives the EMAIL_ settings."""

    __test__ = False  # but with a backend, below
    alone: dict[str, Any] | None = None

    def setUp(self):
        self.unreachable = self.mailer  # of a server that sends everybody away
        super().setUp()
        if self.alone is not None:
            self.enterContext(using_email_settings(**self.alone))

    def connect(self, alias="tested"):
        if alias == "unreachable":
            self.server.replies["banner"] = "554 5.7.1 go away"
        return get_mailer(alias if self.alone is None else "default")


@pytest.mark.parametrize("name", KIT)
def test_it_fulfils_the_contract_of_the_kit(name, case, way, server, request):
    if name == "test_each_send_of_many_threads_is_counted" and case.stores:
        if connection.vendor == "sqlite":
            pytest.skip("SQLite in memory has one connection")
        request.getfixturevalue("transactional_db")
    kit = Kit(name)
    kit.server = server
    kit.beside = case.mailers({"host": server.host, "port": server.port})
    kit.mailer = kit.beside["tested"]
    kit.alone = case.email_settings(server) if way == "EMAIL_BACKEND" else None
    try:
        kit.debug()
    finally:
        kit.doCleanups()
    assert len(server.messages) == KIT[name]
    assert all(b"Subject:" in raw for raw in server.messages)


def test_no_test_of_the_kit_is_forgotten():
    assert set(unittest.defaultTestLoader.getTestCaseNames(BackendContract)) == set(KIT)


message = BackendContract().make_message


def test_any_iterable_will_do(backend, server):
    assert backend.send_messages(message() for _ in range(2)) == 2


def test_no_messages_are_zero_and_need_no_connection(backend, server):
    assert backend.send_messages([]) == 0
    assert backend.send_messages(iter(())) == 0
    assert server.commands == []


def test_the_callers_message_stays_as_it_was(backend, server):
    sent = message(attachments=[("a.txt", "text", "text/plain")])
    sent.attach_alternative("<p>Body</p>", "text/html")
    before = copy.deepcopy(sent.__dict__)
    backend.send_messages([sent])
    after = dict(sent.__dict__)
    del after["delivery_result"]
    assert after == before


def test_every_message_carries_a_result_for_each_recipient(backend, server):
    sent = message()
    backend.send_messages([sent])
    addresses = [r.address for r in sent.delivery_result.accepted]
    assert addresses[:1] == ["bob@example.com"]
    assert {"carol@example.com", "dave@example.com"} <= set(addresses)
    assert sent.delivery_result.text == "Ok: queued as ABC123"
    assert sent.delivery_result.message_id


def test_a_second_send_does_not_show_the_first_result(backend, server):
    sent = message()
    backend.send_messages([sent])
    server.replies["rcpt"] = "550 5.1.1 no such user"
    with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
        backend.send_messages([sent])
    assert sent.delivery_result.accepted == ()
    assert {r.code for r in sent.delivery_result.refused} == {550}


def test_open_connects_once_and_tells_so(backend, server):
    assert backend.open() is True
    assert backend.open() is False
    backend.send_messages([message()])
    backend.send_messages([message()])
    backend.close()
    assert sum(c.lower().startswith("ehlo") for c in server.commands) == 1


def test_a_message_that_cannot_be_written_raises_as_in_django(backend):
    with pytest.raises(ValueError, match=r"(?i)newline|linefeed"):
        backend.send_messages([message("a\nBcc: x@example.com")])


def test_every_message_of_a_failed_batch_says_that_it_was_not_sent(backend, server):
    server.replies["banner"] = "554 5.7.1 go away"
    batch = [message(), message()]
    with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
        backend.send_messages(batch)
    assert [{r.kind for r in m.delivery_result.recipients} for m in batch] == [
        {"transient"}
    ] * 2


def test_its_repr_names_the_chain_and_no_option(backend):
    assert repr(backend).startswith(
        ("<tested", "<default", f"<{type(backend).__module__}")
    )
    assert "127.0.0.1" not in repr(backend)


def test_fail_silently_raises_nothing_but_still_tells(
    case, server, with_email_settings
):
    if not case.in_email_backend:
        pytest.skip(ALONE)
    with_email_settings(**case.email_settings(server))
    server.replies["rcpt"] = "550 5.1.1 no such user"
    sent = message()
    backend = import_string(case.path)(fail_silently=True)
    assert backend.send_messages([sent]) == 0
    assert {r.kind for r in sent.delivery_result.recipients} == {"permanent"}


def test_fail_silently_goes_on_when_nobody_listens(case, with_email_settings):
    if not case.in_email_backend:
        pytest.skip(ALONE)
    with_email_settings(EMAIL_BACKEND=case.path, EMAIL_HOST="127.0.0.1", EMAIL_PORT=1)
    with import_string(case.path)(fail_silently=True) as backend:
        assert backend.send_messages([message()]) == 0


def test_unknown_options_name_the_mailer(case, server, with_mailers):
    mailers = case.mailers({"host": server.host, "port": server.port})
    options = mailers["tested"]["OPTIONS"] | {"hots": 1}
    with_mailers({**mailers, "tested": {"BACKEND": case.path, "OPTIONS": options}})
    with pytest.raises(
        InvalidMailer, match=r"MAILERS\['tested'\]: Unknown options 'hots'"
    ):
        get_mailer("tested")
