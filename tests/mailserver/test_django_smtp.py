"""Django's own SMTP backend as the client."""

from __future__ import annotations

import smtplib

import django.core.mail
import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from django_mailplus.viewer import view

# Django 6.1 warns about backends made without an alias; earlier ones take none.
ALIAS = {"alias": "test"} if hasattr(django.core.mail, "mailers") else {}


def backend(server, **options):
    return EmailBackend(
        host=server.host, port=server.port, timeout=10, **ALIAS, **options
    )


def message(*to: str) -> EmailMultiAlternatives:
    made = EmailMultiAlternatives(
        "Grüße ✓", "Schöne Grüße\n", "Läden <a@example.com>", list(to)
    )
    made.attach_alternative("<p>Schöne Grüße</p>\n", "text/html")
    made.attach("Rechnung März.pdf", b"%PDF-1.7", "application/pdf")
    return made


def test_a_multipart_mail_arrives_and_reads_as_it_was_written(run_server):
    run = run_server()
    assert backend(run.server).send_messages([message("b@example.com")]) == 1
    seen = view(run.mails[0].raw)
    assert seen.subject == "Grüße ✓"
    assert seen.text == "Schöne Grüße\n"
    assert seen.html == "<p>Schöne Grüße</p>\n"
    assert seen.header("From") == "Läden <a@example.com>"
    assert [part.filename for part in seen.attachments] == ["Rechnung März.pdf"]


def test_log_in_over_tls_works_with_the_certificate_file_of_the_environment(
    run_server, tmp_path, monkeypatch
):
    run = run_server(starttls=True, username="ann", password="s3cret")
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(run.server.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connection = backend(run.server, use_tls=True, username="ann", password="s3cret")

    assert connection.send_messages([message("b@example.com")]) == 1

    assert (run.mails[0].tls, run.mails[0].username) == (True, "ann")


def test_one_refused_recipient_leaves_the_others_their_mail(run_server):
    run = run_server(fail={"*@gone.example": 550})
    backend(run.server).send_messages([message("b@example.com", "x@gone.example")])
    assert run.mails[0].rcpt_to == ("b@example.com",)
    assert run.events == ["Refused x@gone.example with 550."]


def test_a_wholly_refused_mail_raises_with_the_code_asked_for(run_server):
    run = run_server(fail={"gone@example.com": 452})
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        backend(run.server).send_messages([message("gone@example.com")])
    assert refused.value.recipients["gone@example.com"][0] == 452
    assert run.mails == []
