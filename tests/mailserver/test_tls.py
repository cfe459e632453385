"""STARTTLS with a certificate that clients can verify."""

from __future__ import annotations

import os
import smtplib
import ssl
import stat
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from django_mailplus.exceptions import MissingExtraError
from django_mailplus.mailserver.server import MailServer
from django_mailplus.smtp.certificates import make_certificate, server_context

MAIL = b"Subject: Hello\r\n\r\nThe body.\r\n"


def trusting(server: MailServer) -> ssl.SSLContext:
    assert server.certificate is not None
    return ssl.create_default_context(cadata=server.certificate.decode())


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_client_that_trusts_the_certificate_sends_over_tls(run_server, name):
    run = run_server(starttls=True)
    with smtplib.SMTP(name, run.server.port, timeout=10) as smtp:
        smtp.starttls(context=trusting(run.server))
        smtp.sendmail("a@example.com", ["b@example.com"], MAIL)
    assert run.mails[0].tls is True


def test_a_client_may_log_in_over_tls(run_server):
    run = run_server(starttls=True, username="ann", password="s3cret")
    with smtplib.SMTP(run.server.host, run.server.port, timeout=10) as smtp:
        smtp.starttls(context=trusting(run.server))
        smtp.login("ann", "s3cret")
        smtp.sendmail("a@example.com", ["b@example.com"], MAIL)
    assert (run.mails[0].tls, run.mails[0].username) == (True, "ann")


def test_a_client_that_does_not_trust_it_leaves_the_server_serving(run_server):
    run = run_server(starttls=True)
    with (
        smtplib.SMTP(run.server.host, run.server.port, timeout=10) as smtp,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        smtp.starttls(context=ssl.create_default_context())
    with smtplib.SMTP(run.server.host, run.server.port, timeout=10) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], MAIL)
    assert run.mails[0].tls is False


def test_stopping_drops_a_connection_under_tls(run_server):
    run = run_server(starttls=True)
    smtp = smtplib.SMTP(run.server.host, run.server.port, timeout=10)
    smtp.starttls(context=trusting(run.server))
    run.server.stop()
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        smtp.noop()
    smtp.close()


def test_tls_is_not_offered_unless_asked_for(run_server):
    run = run_server()
    with smtplib.SMTP(run.server.host, run.server.port, timeout=10) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("starttls")
    assert run.server.certificate is None


@pytest.mark.parametrize(
    "host", ["mail.example.test", "192.0.2.7", "::1", "127.0.0.1", "bücher"]
)
def test_the_certificate_is_for_this_machine_and_the_given_host_for_a_short_time(host):
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(make_certificate(host).public)

    extension = certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    names = {str(name.value) for name in extension.value}
    expected = {"localhost", "127.0.0.1", "::1"} | ({host} if host.isascii() else set())
    assert names == expected
    now = datetime.now(tz=UTC)
    assert now < certificate.not_valid_after_utc <= now + timedelta(days=7)
    assert certificate.not_valid_before_utc < now


def test_each_run_has_a_key_of_its_own():
    assert make_certificate("x").private_key != make_certificate("x").private_key


def test_the_private_key_is_its_owners_alone_and_gone_when_loaded(
    tmp_path, monkeypatch
):
    seen: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def look_and_load(context, path):
        seen.extend(
            stat.S_IMODE(p.stat().st_mode) for p in (Path(path).parent, Path(path))
        )
        load(context, path)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look_and_load)
    earlier = os.umask(0)
    try:
        server_context(make_certificate("localhost"))
    finally:
        os.umask(earlier)

    assert seen == [0o700, 0o600]
    assert list(tmp_path.iterdir()) == []


def test_the_private_key_is_in_no_repr():
    assert "PRIVATE" not in repr(make_certificate("localhost"))


def test_without_cryptography_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    server = MailServer(on_message=print, starttls=True)
    with pytest.raises(
        MissingExtraError, match=r"STARTTLS .*django-mailplus\[smtpserver\]"
    ):
        server.start()
