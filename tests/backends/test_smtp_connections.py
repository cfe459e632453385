"""Connections that stay open for the next message, and several at once."""

from __future__ import annotations

import smtplib

import pytest
from backends.stage import connections, kind, letters
from django.test import override_settings
from scripted_server import CLOSE

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.delivery import classify
from django_mailplus.exceptions import PoolTimeout
from django_mailplus.signals import message_failed
from django_mailplus.smtp.connection import SMTP
from django_mailplus.smtp.distrust import distrust, trusted
from django_mailplus.smtp.transcript import recording

pytestmark = pytest.mark.usefixtures("forget_connections")


def test_one_connection_for_many_sends(mailer, peer):
    backend = mailer()
    for message in letters(5):
        assert backend().send_messages([message]) == 1
    assert connections(peer) == 1
    assert len(peer.messages) == 5
    assert "1 idle" in repr(backend().pool)
    assert backend().pool.stats.reused == 4


def test_without_a_pool_each_send_connects_and_takes_leave(mailer, peer):
    backend = mailer(pool_size=0)
    for message in letters(3):
        backend().send_messages([message])
    assert connections(peer) == 3
    assert peer.commands.count("quit") + peer.commands.count("QUIT") == 3
    assert backend().pool is None


def test_the_block_of_a_with_statement_has_one_connection(mailer, peer):
    with mailer(pool_size=0)() as backend:
        for message in letters(3):
            backend.send_messages([message])
    assert connections(peer) == 1


def test_a_connection_that_dies_at_its_next_use_is_replaced_and_nobody_notices(
    mailer, peer
):
    backend = mailer()
    backend().send_messages(letters(1))
    peer.breaks = True
    batch = letters(3)
    assert backend().send_messages(batch) == 3
    assert {kind(m) for m in batch} == {"accepted"}
    assert connections(peer) == 2
    assert len(peer.messages) == 4
    assert backend().pool.stats.replaced == 1


def test_a_fresh_connection_that_dies_is_an_error(mailer, peer):
    peer.replies["mail"] = CLOSE
    (message,) = letters(1)
    with pytest.raises(smtplib.SMTPServerDisconnected) as raised:
        mailer()().send_messages([message])
    assert classify(raised.value) == "mailer"
    assert kind(message) == "transient"
    assert connections(peer) == 1


def test_the_end_of_a_request_parts_with_what_was_idle_for_too_long(mailer, client):
    backend = mailer(pool_idle=60)
    backend().send_messages(letters(1))
    pool = backend().pool
    client.get("/no-such-page/")
    assert pool.stats.idle == 1
    [connection] = pool._idle
    connection.idle_since -= 61
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


def test_other_options_are_another_pool(mailer, peer):
    mailer()().send_messages(letters(1))
    mailer(timeout=7)().send_messages(letters(1))
    assert connections(peer) == 2


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


def test_a_connection_class_of_ones_own_is_not_pooled(peer):
    class Mine(SMTP):
        pass

    class Backend(EmailBackend):
        connection_class = Mine

    for _ in range(2):
        backend = Backend(host=peer.host, port=peer.port, alias="default")
        with backend:
            assert type(backend.connection) is Mine
            assert backend.send_messages(letters(1)) == 1
        assert backend.pool is None
    assert connections(peer) == 2


def test_a_backend_that_overrides_send_is_asked_for_each_message(peer):
    class Backend(EmailBackend):
        seen = 0

        def _send(self, email_message):
            self.seen += 1
            return super()._send(email_message)

    backend = Backend(host=peer.host, port=peer.port, alias="default")
    assert backend.send_messages(letters(3)) == 3
    assert backend.seen == 3


# --- A batch


def test_envelopes_leave_together_and_with_the_content_before(mailer, peer):
    with recording() as transcript:
        assert mailer()().send_messages(iter(letters(3))) == 3
    spoken = [line.split(" ")[0] for who, line in transcript.lines if who == "C"]
    assert spoken[:4] == ["ehlo", "MAIL", "RCPT", "DATA"]
    assert spoken.count("MAIL") == 3
    assert len(peer.messages) == 3


def test_the_first_error_ends_the_batch_and_nothing_behind_it_is_sent(mailer, peer):
    peer.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    batch = [*letters(2), *letters(1, "bad@example.com"), *letters(2)]
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mailer()().send_messages(batch)
    assert len([m for m in peer.messages if m]) == 2  # and a lone dot
    assert [kind(m) for m in batch] == ["accepted"] * 2 + ["permanent"] + [
        "transient"
    ] * 2


def test_fail_silently_goes_on_behind_a_refusal(mailer, peer):
    peer.replies["rcpt"] = {"bad@": "550 5.1.1 no"}
    batch = [*letters(1), *letters(1, "bad@example.com"), *letters(2)]
    assert mailer(fail_silently=True)().send_messages(batch) == 3
    assert [kind(m) for m in batch] == ["accepted", "permanent", "accepted", "accepted"]


def test_a_refused_content_is_reset_before_the_next_send(mailer, peer):
    """Postfix keeps the transaction when its end-of-data restrictions refuse."""
    peer.replies["content"] = "554 5.7.1 no"
    backend = mailer()
    with pytest.raises(smtplib.SMTPDataError):
        backend().send_messages(letters(1))
    peer.replies["content"] = "250 2.0.0 ok"
    assert backend().send_messages(letters(1)) == 1
    assert connections(peer) == 1
    verbs = [command.split()[0].upper() for command in peer.commands]
    assert verbs.index("RSET") < len(verbs) - 1 - verbs[::-1].index("MAIL")


def test_a_503_for_what_was_before_is_no_refusal_of_the_message(mailer, peer):
    peer.stuck = True
    assert mailer()().send_messages(letters(2)) == 2
    assert len(peer.messages) == 2


def test_a_refusal_that_ends_the_session_costs_no_other_message(mailer, peer):
    peer.replies["rcpt"] = {"spam@": "550 5.7.1 no", "last@": "421 4.7.0 enough"}
    batch = [
        *letters(2),
        *letters(1, to="spam@example.com"),
        *letters(1, to="last@example.com"),
        *letters(2),
    ]
    assert mailer(fail_silently=True)().send_messages(batch) == 4
    kinds = [kind(message) for message in batch]
    assert kinds == ["accepted"] * 2 + ["permanent", "transient"] + ["accepted"] * 2
    assert connections(peer) == 3  # 421 is about the session, so far as anybody knows


@pytest.mark.parametrize("pool_size", [0, 3])
def test_a_server_that_goes_away_in_a_batch_fails_as_silently_as_one_not_there(
    mailer, peer, pool_size
):
    peer.replies |= {"rcpt": {"last@": "421 4.7.0 enough"}}
    batch = [*letters(1), *letters(1, to="last@example.com"), *letters(2)]

    def leave(sender, message, **told):
        peer.replies["banner"] = "554 5.3.2 closed"

    message_failed.connect(leave)
    assert mailer(fail_silently=True, pool_size=pool_size)().send_messages(batch) == 1
    message_failed.disconnect(leave)
    kinds = [kind(message) for message in batch]
    assert kinds == ["accepted", "transient", "transient", "transient"]


def test_no_message_means_no_connection(mailer, peer):
    assert mailer()().send_messages(iter([])) == 0
    assert peer.commands == []


def test_at_the_address_of_a_server_of_another_test_another_may_listen(with_mailers):
    server = ("127.0.0.1", 1)
    distrust(server)
    assert not trusted(server)
    with_mailers(
        {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    )
    assert trusted(server)
