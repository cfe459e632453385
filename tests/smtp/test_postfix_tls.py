"""STARTTLS and TLS from the first byte, with a real Postfix."""

from __future__ import annotations

import smtplib
import ssl

import pytest
from scripted_server import server_context
from smtp.pool_stage import eventually
from smtp.postfix_mail import backend, batch, every_kind, in_order, mail, numbers, said

from django_mailplus.delivery import classify

UNSENT = [("transient", None, "")]

pytest.importorskip("cryptography", reason="no cryptography")


@pytest.fixture
def start_encrypted(start, tmp_path_factory, monkeypatch):
    """Start a Postfix whose certificate this process trusts, or does not."""

    def start_encrypted(*, trusted=True, files=(), **settings):
        directory = tmp_path_factory.mktemp("certificate")
        server_context(directory)
        certificate = (directory / "certificate.pem").read_text()
        key = (directory / "key.pem").read_text()
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(directory / "certificate.pem"))
        return start(
            files={"server.pem": certificate, "server.key": key, **dict(files)},
            **{
                "smtpd_tls_security_level": "may",
                "smtpd_tls_cert_file": "{directory}/server.pem",
                "smtpd_tls_key_file": "{directory}/server.key",
            }
            | settings,
        )

    return start_encrypted


ENCRYPTED = pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({"use_tls": True}, {"smtpd_tls_security_level": "encrypt"}),
        ({"use_ssl": True}, {"smtpd_tls_wrappermode": "yes"}),
    ],
    ids=["starttls", "ssl"],
)


@ENCRYPTED
@pytest.mark.parametrize("concurrency", [1, 3])
def test_every_kind_of_message_over_tls(
    start_encrypted, written, options, settings, concurrency
):
    postfix = start_encrypted(**settings)
    messages = every_kind(rounds=2)
    sender = backend(postfix, concurrency=concurrency, **options)
    assert sender.send_messages(messages) == len(messages)
    assert in_order(postfix.delivered()) == written
    assert sender.pool.stats.opened <= concurrency
    assert b" with ESMTPS id " in postfix.sink.taken[0].content


@ENCRYPTED
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_certificate_that_nobody_trusts(
    start_encrypted, options, settings, concurrency
):
    postfix = start_encrypted(trusted=False, **settings)
    messages = batch(5)
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        backend(postfix, concurrency=concurrency, **options).send_messages(messages)
    assert classify(raised.value) == "mailer"
    assert [said(message) for message in messages] == [UNSENT] * 5
    assert postfix.delivered() == []


def test_a_server_that_insists_on_tls(start_encrypted):
    postfix = start_encrypted(smtpd_tls_security_level="encrypt")
    messages = batch(3)
    with pytest.raises(smtplib.SMTPSenderRefused) as raised:
        backend(postfix).send_messages(messages)
    assert raised.value.smtp_code == 530
    assert classify(raised.value) == "mailer"
    assert list(map(said, messages)) == [[("permanent", 530, "5.7.0")], UNSENT, UNSENT]
    assert backend(postfix, use_tls=True).send_messages(messages) == 3
    assert numbers(postfix) == [0, 1, 2]


def test_a_server_without_tls(start):
    postfix = start()
    messages = batch(3)
    with pytest.raises(smtplib.SMTPNotSupportedError) as raised:
        backend(postfix, use_tls=True).send_messages(messages)
    assert classify(raised.value) == "mailer"
    assert [said(message) for message in messages] == [UNSENT] * 3
    assert postfix.delivered() == []


def test_a_certificate_of_our_own(start_encrypted, tmp_path):
    server_context(tmp_path)
    postfix = start_encrypted(
        files={"clients.pem": (tmp_path / "certificate.pem").read_text()},
        smtpd_tls_ask_ccert="yes",
        smtpd_tls_CAfile="{directory}/clients.pem",
        smtpd_relay_restrictions="permit_tls_all_clientcerts, reject",
    )
    ours = {
        "ssl_certfile": str(tmp_path / "certificate.pem"),
        "ssl_keyfile": str(tmp_path / "key.pem"),
    }
    stranger = mail(1)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        backend(postfix, use_tls=True).send_messages([stranger])
    assert said(stranger) == [("permanent", 554, "5.7.1")]
    assert backend(postfix, use_tls=True, **ours).send_messages([mail(2)]) == 1
    assert numbers(postfix) == [2]


def test_an_encrypted_session_cut_while_it_was_idle(start_encrypted, written):
    postfix = start_encrypted(smtpd_timeout="1s")
    sender = backend(postfix, use_tls=True)
    assert sender.send_messages(batch(2)) == 2
    eventually(lambda: "timeout after" in postfix.log)
    assert sender.send_messages([mail(2), mail(3)]) == 2
    assert in_order(postfix.delivered()) == written
    assert sender.pool.stats.replaced == 1
