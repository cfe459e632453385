"""Connections that stay open for the next message, and several at once."""

from __future__ import annotations

import base64
import smtplib
import threading
import time
from email.utils import parseaddr

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_server import CLOSE, ScriptedServer

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import _PLAIN_ADDRESS, get_mailer, prepare_address
from django_mailplus.delivery import classify
from django_mailplus.exceptions import PartialDeliveryError, PoolTimeout
from django_mailplus.signals import message_failed
from django_mailplus.smtp.connection import SMTP
from django_mailplus.smtp.registry import close_all
from django_mailplus.smtp.transcript import recording

PIPELINING = "250-test\n250-PIPELINING\n250 SIZE 1000000"


@pytest.fixture(autouse=True)
def forget_connections():
    yield
    close_all()


class Breaking(ScriptedServer):
    """Breaks off at a MAIL when told to, once; or takes one message per connection."""

    breaks = False
    stuck = False

    def _reply(self, connection, stage, line=""):
        if stage == "mail" and self.breaks:
            self.breaks = False
            return False
        if stage == "mail" and self.stuck and len(self.messages) == connections(self):
            connection.sendall(b"503 5.5.1 nested MAIL\r\n")
            return True
        return super()._reply(connection, stage, line)


@pytest.fixture
def server():
    with Breaking(ehlo=PIPELINING) as server:
        yield server


@pytest.fixture
def mailer(with_mailers, server):
    """Configures the default mailer; gives a new backend of it at every call."""

    def configure(**options):
        options = {"host": server.host, "port": server.port, **options}
        backend = "django_mailplus.backends.smtp.EmailBackend"
        with_mailers({"default": {"BACKEND": backend, "OPTIONS": options}})
        return lambda: get_mailer("default")

    return configure


def letters(count, to="bob@example.com"):
    return [
        EmailMessage(f"No {n}", "Body", "ann@example.com", [to]) for n in range(count)
    ]


def connections(server):
    return [command.split()[0] for command in server.commands].count("ehlo")


def kind(message):
    (recipient,) = message.delivery_result.recipients
    return recipient.kind


# --- One connection after the other


def test_one_connection_for_many_sends(mailer, server):
    backend = mailer()
    for message in letters(5):
        assert backend().send_messages([message]) == 1
    assert connections(server) == 1
    assert len(server.messages) == 5
    assert "1 idle" in repr(backend().pool)
    assert backend().pool.stats.reused == 4


def test_without_a_pool_each_send_connects_and_takes_leave(mailer, server):
    backend = mailer(pool_size=0)
    for message in letters(3):
        backend().send_messages([message])
    assert connections(server) == 3
    assert server.commands.count("quit") + server.commands.count("QUIT") == 3
    assert backend().pool is None


def test_the_block_of_a_with_statement_has_one_connection(mailer, server):
    with mailer(pool_size=0)() as backend:
        for message in letters(3):
            backend.send_messages([message])
    assert connections(server) == 1


def test_a_connection_that_dies_at_its_next_use_is_replaced_and_nobody_notices(
    mailer, server
):
    backend = mailer()
    backend().send_messages(letters(1))
    server.breaks = True
    batch = letters(3)
    assert backend().send_messages(batch) == 3
    assert {kind(m) for m in batch} == {"accepted"}
    assert connections(server) == 2
    assert len(server.messages) == 4
    assert backend().pool.stats.replaced == 1


def test_a_fresh_connection_that_dies_is_an_error(mailer, server):
    server.replies["mail"] = CLOSE
    (message,) = letters(1)
    with pytest.raises(smtplib.SMTPServerDisconnected) as raised:
        mailer()().send_messages([message])
    assert classify(raised.value) == "mailer"
    assert kind(message) == "transient"
    assert connections(server) == 1


def test_the_end_of_a_request_parts_with_what_was_idle_for_too_long(mailer, client):
    backend = mailer(pool_idle=0.05)
    backend().send_messages(letters(1))
    pool = backend().pool
    client.get("/no-such-page/")
    assert pool.stats.idle == 1
    time.sleep(0.1)
    client.get("/no-such-page/")
    assert pool.stats.idle == 0


def test_overridden_settings_take_the_connections_of_the_old_with_them(mailer):
    backend = mailer()
    backend().send_messages(letters(1))
    pool = backend().pool
    with override_settings(ADMINS=[]):
        assert pool.stats.idle == 1
    with override_settings(EMAIL_SUBJECT_PREFIX="[new] "):
        assert pool.stats.idle == 0


def test_other_options_are_another_pool(mailer, server):
    mailer()().send_messages(letters(1))
    mailer(timeout=7)().send_messages(letters(1))
    assert connections(server) == 2


def test_all_connections_in_use_is_a_clear_error(mailer):
    backend = mailer(pool_size=1, pool_timeout=0.05)
    with backend():
        (message,) = letters(1)
        with pytest.raises(
            PoolTimeout, match=r"MAILERS\['default'\].*'pool_size'"
        ) as raised:
            backend().send_messages([message])
    assert classify(raised.value) == "mailer"
    assert kind(message) == "transient"
    assert backend().send_messages([message]) == 1


def test_the_pool_says_where_it_leads_and_no_secret(mailer):
    backend = mailer(username="ann", password="geheim", use_tls=False)
    assert repr(backend().pool).startswith("<Pool MAILERS['default'] 127.0.0.1:")
    assert "geheim" not in repr(backend().pool)


def test_a_connection_class_of_ones_own_is_not_pooled(server):
    class Mine(SMTP):
        pass

    class Backend(EmailBackend):
        connection_class = Mine

    for _ in range(2):
        backend = Backend(host=server.host, port=server.port, alias="default")
        with backend:
            assert type(backend.connection) is Mine
            assert backend.send_messages(letters(1)) == 1
        assert backend.pool is None
    assert connections(server) == 2


def test_a_backend_that_overrides_send_is_asked_for_each_message(server):
    class Backend(EmailBackend):
        seen = 0

        def _send(self, email_message):
            self.seen += 1
            return super()._send(email_message)

    backend = Backend(host=server.host, port=server.port, alias="default")
    assert backend.send_messages(letters(3)) == 3
    assert backend.seen == 3


# --- A batch


def test_envelopes_leave_together_and_with_the_content_before(mailer, server):
    with recording() as transcript:
        assert mailer()().send_messages(iter(letters(3))) == 3
    spoken = [line.split(" ")[0] for who, line in transcript.lines if who == "C"]
    assert spoken[:4] == ["ehlo", "MAIL", "RCPT", "DATA"]
    assert spoken.count("MAIL") == 3
    assert len(server.messages) == 3


def test_the_first_error_ends_the_batch_and_nothing_behind_it_is_sent(mailer, server):
    server.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    batch = [*letters(2), *letters(1, "bad@example.com"), *letters(2)]
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mailer()().send_messages(batch)
    assert len([m for m in server.messages if m]) == 2  # and a lone dot
    assert [kind(m) for m in batch] == ["accepted"] * 2 + ["permanent"] + [
        "transient"
    ] * 2


def test_fail_silently_goes_on_behind_a_refusal(mailer, server):
    server.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    batch = [*letters(1), *letters(1, "bad@example.com"), *letters(2)]
    assert mailer(fail_silently=True)().send_messages(batch) == 3
    assert [kind(m) for m in batch] == ["accepted", "permanent", "accepted", "accepted"]


def test_a_refused_content_is_reset_before_the_next_send(mailer, server):
    """Postfix keeps the transaction when its end-of-data restrictions refuse."""
    server.replies["content"] = "554 5.7.1 no"
    backend = mailer()
    with pytest.raises(smtplib.SMTPDataError):
        backend().send_messages(letters(1))
    server.replies["content"] = "250 2.0.0 ok"
    assert backend().send_messages(letters(1)) == 1
    assert connections(server) == 1
    verbs = [command.split()[0].upper() for command in server.commands]
    assert verbs.index("RSET") < len(verbs) - 1 - verbs[::-1].index("MAIL")


def test_a_503_for_what_was_before_is_no_refusal_of_the_message(mailer, server):
    server.stuck = True
    assert mailer()().send_messages(letters(2)) == 2
    assert len(server.messages) == 2


def test_a_refusal_that_ends_the_session_costs_no_other_message(mailer, server):
    server.replies["rcpt"] = {"spam@": "550 5.7.1 no", "last@": "421 4.7.0 enough"}
    batch = [
        *letters(2),
        *letters(1, to="spam@example.com"),
        *letters(1, to="last@example.com"),
        *letters(2),
    ]
    assert mailer(fail_silently=True)().send_messages(batch) == 4
    kinds = [kind(message) for message in batch]
    assert kinds == ["accepted"] * 2 + ["permanent", "transient"] + ["accepted"] * 2
    assert connections(server) == 2


@pytest.mark.parametrize("pool_size", [0, 3])
def test_a_server_that_goes_away_in_a_batch_fails_as_silently_as_one_not_there(
    mailer, server, pool_size
):
    server.replies |= {"rcpt": {"last@": "421 4.7.0 enough"}}
    batch = [*letters(1), *letters(1, to="last@example.com"), *letters(2)]

    def leave(sender, message, **told):
        server.replies["banner"] = "554 5.3.2 closed"

    message_failed.connect(leave)
    assert mailer(fail_silently=True, pool_size=pool_size)().send_messages(batch) == 1
    message_failed.disconnect(leave)
    kinds = [kind(message) for message in batch]
    assert kinds == ["accepted", "transient", "transient", "transient"]


def test_no_message_means_no_connection(mailer, server):
    assert mailer()().send_messages(iter([])) == 0
    assert server.commands == []


# --- Several connections at once


def test_concurrency_sends_all_and_counts(mailer, server):
    batch = letters(40)
    assert mailer(concurrency=4)().send_messages(iter(batch)) == 40
    assert {kind(m) for m in batch} == {"accepted"}
    assert len(server.messages) == 40
    assert 1 <= connections(server) <= 4


def test_concurrency_tries_every_message_and_tells_all_failures(mailer, server):
    server.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    wrong = EmailMessage("a\nb", "Body", "ann@example.com", ["bob@example.com"])
    batch = [*letters(5), *letters(1, "bad@example.com"), wrong, *letters(5)]
    with pytest.raises(PartialDeliveryError, match="2 of 12 messages") as raised:
        mailer(concurrency=3)().send_messages(batch)
    assert raised.value.sent == 10
    failed = dict(raised.value.failures)
    assert isinstance(failed[batch[5]], smtplib.SMTPRecipientsRefused)
    assert isinstance(failed[wrong], ValueError)
    assert [kind(m) for m in batch].count("accepted") == 10
    assert classify(raised.value) == "unknown"
    assert "example.com" not in str(raised.value)


def test_concurrency_and_fail_silently(mailer, server):
    server.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    batch = [*letters(3), *letters(1, "bad@example.com")]
    backend = mailer(concurrency=2, fail_silently=True)
    assert backend().send_messages(batch) == 3


def test_a_server_that_breaks_off_takes_down_one_message_each_time(mailer, server):
    """And one that dies between two messages takes down none that was not begun."""
    server.replies["content"] = CLOSE
    batch = letters(6)
    with pytest.raises(PartialDeliveryError):
        mailer(concurrency=2)().send_messages(batch)
    assert {kind(m) for m in batch} == {"unknown"}
    assert len(server.messages) == 6


def test_a_server_that_allows_one_connection_gets_all_over_it(with_mailers):
    class Narrow(ScriptedServer):
        """Refuses connections while there is one."""

        def _serve(self, connection):
            busy = not gate.acquire(blocking=False)
            self.replies = {**self.replies, "banner": "220 test"}
            if busy:
                connection.sendall(b"421 4.7.0 Too many connections\r\n")
                connection.close()
                return
            try:
                super()._serve(connection)
            finally:
                gate.release()

    gate = threading.Lock()
    with Narrow(ehlo=PIPELINING) as server:
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": {
                        "host": server.host,
                        "port": server.port,
                        "concurrency": 5,
                    },
                }
            }
        )
        batch = letters(30)
        assert get_mailer("default").send_messages(batch) == 30
        close_all()
    assert {kind(m) for m in batch} == {"accepted"}


def test_nobody_listens(mailer, server, with_mailers):
    backend = mailer(concurrency=3, port=1)
    batch = letters(10)
    with pytest.raises(ConnectionRefusedError) as raised:
        backend().send_messages(batch)
    assert classify(raised.value) == "mailer"
    assert {kind(m) for m in batch} == {"transient"}


def test_a_source_that_fails_leaves_an_outcome_with_all_before(mailer, server):
    batch = letters(5)

    def source():
        yield from batch
        raise LookupError("the address book is gone")

    with pytest.raises(LookupError, match="address book"):
        mailer(concurrency=2)().send_messages(source())
    assert {kind(m) for m in batch} == {"accepted"}


def test_concurrency_without_a_pool_keeps_nothing_open(mailer, server):
    backend = mailer(concurrency=2, pool_size=0)
    assert backend().send_messages(letters(6)) == 6
    assert [c.lower() for c in server.commands].count("quit") == connections(server)


# --- OAuth


def provider():
    asked.append(1)
    return f"token-{len(asked)}"


asked = []


def test_a_token_logs_in_once_for_each_connection(mailer, server):
    asked.clear()
    server.replies["ehlo"] = "250-test\n250 AUTH XOAUTH2 PLAIN"
    backend = mailer(username="ann@example.com", token=provider)
    for message in letters(2):
        backend().send_messages([message])
    logins = [c.split() for c in server.commands if c.lower().startswith("auth")]
    assert [words[1] for words in logins] == ["XOAUTH2"]
    said = base64.b64decode(logins[0][2]).decode()
    assert said == "user=ann@example.com\x01auth=Bearer token-1\x01\x01"
    assert len(asked) == 1


def test_a_token_by_its_dotted_path(mailer, server):
    server.replies["ehlo"] = "250-test\n250 AUTH XOAUTH2"
    backend = mailer(username="ann@example.com", token="getpass.getuser")
    assert backend().send_messages(letters(1)) == 1
    assert any(c.lower().startswith("auth xoauth2") for c in server.commands)


def test_a_token_that_is_refused_is_asked_for_once_more_and_never_shown(
    mailer, server, caplog
):
    asked.clear()
    server.replies |= {
        "ehlo": "250-test\n250 AUTH XOAUTH2",
        "auth": "535 5.7.3 token-1 token-2 refused",
    }
    (message,) = letters(1)
    backend = mailer(username="ann@example.com", token=provider)
    with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        backend().send_messages([message])
    assert len(asked) == 2
    assert classify(raised.value) == "mailer"
    assert "token-" not in f"{raised.value}{caplog.text}{message.delivery_result}"


# --- Addresses


@pytest.mark.parametrize(
    "address",
    ["ann@example.com", "Ann <ann@example.com>", "a.b+c@x-y.example", "webmaster"],
)
def test_addresses_are_prepared_as_django_does(address, server):
    backend = EmailBackend(host=server.host, port=server.port, alias="default")
    message = EmailMessage("Hi", "Body", address, ["bob@example.com"])
    expected = address.partition("<")[2].rstrip(">") or address
    assert prepare_address(backend, message, address) == expected


def _as_django_does(backend, message, address):
    """Without our short way."""
    if hasattr(DjangoBackend, "prep_address"):
        return DjangoBackend.prep_address(backend, address)
    from django.core.mail.message import sanitize_address

    return parseaddr(sanitize_address(address, message.encoding or "utf-8"))[1]


@settings(deadline=None, max_examples=300)
@given(
    st.from_regex(_PLAIN_ADDRESS, fullmatch=True)
    | st.from_regex(r"[\w .\"<>@(),;:\\+-]{0,20}<?[a-z.@-]{0,20}>?", fullmatch=True)
)
def test_the_short_way_comes_to_what_djangos_way_comes_to(address):
    backend = EmailBackend(host="mail.example.com", alias="default")
    message = EmailMessage("Hi", "Body", "ann@example.com", [address])
    try:
        expected = _as_django_does(backend, message, address)
    except Exception as error:
        with pytest.raises(type(error)):
            prepare_address(backend, message, address)
    else:
        assert prepare_address(backend, message, address) == expected


@pytest.mark.parametrize("address", ["a\n@example.com", "a b@example.com>", "a@b@c"])
def test_bad_addresses_raise_what_django_raises(address, server):
    backend = EmailBackend(host=server.host, port=server.port, alias="default")
    message = EmailMessage("Hi", "Body", address, ["bob@example.com"])
    with pytest.raises(ValueError):  # noqa: PT011 (worded by each Django in its own way)
        prepare_address(backend, message, address)
