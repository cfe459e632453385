"""Scenes of encryption: ports, handshakes and certificates."""

from __future__ import annotations

import socket
import ssl

from doctor.scenes import IMPATIENT, Seen, Stage, scene
from scripted_server import SILENCE


@scene("ssl-on-starttls-port")
def tls_at_a_plain_port(stage: Stage) -> Seen:
    return stage.send(stage.server(), use_ssl=True)


@scene("tls-hello-closed")
def the_server_hangs_up_in_the_handshake(stage: Stage) -> Seen:
    server = stage.server(
        starttls="220 go ahead", ehlo="250-test\n250 STARTTLS", upgrade=True
    )
    server.tls = _HangUp()
    return stage.send(server, use_tls=True)


class _HangUp:
    """Stands in for a TLS context: reads the hello, then closes."""

    def wrap_socket(
        self, connection: socket.socket, *, server_side: bool
    ) -> socket.socket:
        connection.recv(100_000)
        connection.shutdown(socket.SHUT_RDWR)
        raise OSError("hung up")


@scene("tls-handshake-timeout")
def nobody_answers_the_handshake(stage: Stage) -> Seen:
    return stage.send(stage.server(banner=SILENCE), use_ssl=True, timeout=IMPATIENT)


@scene("certificate-untrusted")
def a_self_signed_certificate(stage: Stage) -> Seen:
    return stage.send(stage.server(tls=stage.tls()), use_ssl=True)


@scene("certificate-untrusted")
def a_self_signed_certificate_after_starttls(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(), upgrade=True, ehlo="250-test\n250 STARTTLS")
    return stage.send(server, use_tls=True)


@scene("certificate-name")
def a_certificate_for_another_name(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(name="mail.example.com"))
    stage.trust()
    return stage.send(("localhost", server.port), use_ssl=True)


@scene("certificate-name")
def an_ip_address_that_the_certificate_lacks(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(name="mail.example.com"))
    stage.trust()
    return stage.send(server, use_ssl=True)


@scene("certificate-expired")
def a_certificate_of_last_month(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(expired=True))
    stage.trust()
    return stage.send(server, use_ssl=True)


@scene("tls-version")
def no_cipher_in_common(stage: Stage) -> Seen:
    context = stage.tls()
    context.maximum_version = context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(
        "ECDHE-RSA-AES128-GCM-SHA256"
    )  # the certificate's key is no RSA key
    return stage.send(stage.server(tls=context), use_ssl=True)


@scene("client-certificate")
def a_client_certificate_that_does_not_exist(stage: Stage) -> Seen:
    missing = str(stage.tmp_path / "missing.pem")
    return stage.send(stage.server(), use_ssl=True, ssl_certfile=missing)


@scene("client-certificate")
def a_client_certificate_that_is_none(stage: Stage) -> Seen:
    wrong = stage.tmp_path / "wrong.pem"
    wrong.write_text("no certificate", encoding="ascii")
    return stage.send(stage.server(), use_ssl=True, ssl_certfile=str(wrong))
