"""The server against smtplib and plain sockets."""

from __future__ import annotations

import logging
import re
import smtplib
import socket
import sys
import threading

import pytest

from django_mailplus.exceptions import MissingExtraError
from django_mailplus.mailserver.addresses import CannotListenError
from django_mailplus.mailserver.protocol import conversation_class
from django_mailplus.mailserver.server import MailServer

MAIL = b"Subject: Hello\r\n\r\nThe body.\r\n"


def client(server: MailServer) -> smtplib.SMTP:
    return smtplib.SMTP(server.host, server.port, timeout=10)


def talk(server: MailServer, sent: bytes) -> list[str]:
    """Send everything at once, then QUIT; the lines of the answer without the greeting."""
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(sent + b"QUIT\r\n")
        with connection.makefile("rb") as stream:
            return stream.read().decode().splitlines()[1:]


def test_the_envelope_and_the_bytes_arrive_as_they_were_sent(run_server):
    run = run_server()
    raw = MAIL + b".a line that starts with a dot\r\n\xff\x00 raw bytes\r\n"

    with client(run.server) as smtp:
        smtp.sendmail("from@example.com", ["a@example.com", "b@example.com"], raw)

    [mail] = run.mails
    assert mail.mail_from == "from@example.com"
    assert mail.rcpt_to == ("a@example.com", "b@example.com")
    assert mail.raw == raw
    assert mail.peer.startswith("127.0.0.1:")
    assert (mail.username, mail.tls) == (None, False)


def test_the_null_sender_of_a_bounce_is_empty(run_server):
    run = run_server()
    with client(run.server) as smtp:
        smtp.sendmail("", ["a@example.com"], MAIL)
    assert run.mails[0].mail_from == ""


def test_mails_are_numbered_and_the_reply_names_the_number(run_server):
    run = run_server()
    with client(run.server) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], MAIL)
        smtp.mail("a@example.com")
        smtp.rcpt("b@example.com")
        reply = smtp.data(MAIL)
    assert reply == (250, b"2.0.0 Ok: mail 2 received")
    assert [mail.number for mail in run.mails] == [1, 2]
    assert run.server.received == 2


def test_addresses_outside_ascii_are_taken(run_server):
    run = run_server()
    with client(run.server) as smtp:
        smtp.ehlo()
        smtp.sendmail("zoë@example.com", ["büro@exämple.com"], MAIL, ["SMTPUTF8"])
    assert run.mails[0].mail_from == "zoë@example.com"
    assert run.mails[0].rcpt_to == ("büro@exämple.com",)


def test_a_line_far_over_the_limit_of_the_standard_is_taken(run_server):
    run = run_server()
    raw = MAIL + b"x" * 200_000 + b"\r\n"
    with client(run.server) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], raw)
    assert run.mails[0].raw == raw


def test_a_mail_announced_as_too_large_is_refused(run_server):
    run = run_server()
    lines = talk(run.server, b"EHLO me\r\nMAIL FROM:<a@example.com> SIZE=99999999\r\n")
    assert lines[-2].startswith("552 5.3.4 ")


def test_pipelined_commands_are_answered_in_order(run_server):
    run = run_server(fail={"gone@example.com": 550})
    assert "250-PIPELINING" in talk(run.server, b"EHLO me\r\n")

    sent = (
        b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<gone@example.com>\r\n"
        b"RCPT TO:<b@example.com>\r\nDATA\r\n" + MAIL + b".\r\n"
    )
    codes = [line[:3] for line in talk(run.server, sent) if line[3] == " "]

    assert codes == ["250", "250", "550", "250", "354", "250", "221"]


def test_every_final_reply_but_the_greeting_carries_an_enhanced_code(run_server):
    run = run_server(fail={"gone@example.com": 550, "full@example.com": 499})
    offer = talk(run.server, b"EHLO me\r\n")
    assert "250-ENHANCEDSTATUSCODES" in offer
    sent = (
        b"NONSENSE\r\nEHLO me\r\nHELO me\r\nEHLO me\r\nRCPT TO:<x@example.com>\r\nMAIL FROM:\r\n"
        b'MAIL FROM:<"\r\nMAIL FROM:<a@example.com> NONSENSE=1\r\nMAIL FROM:<a@example.com>\r\n'
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<gone@example.com>\r\nRCPT TO:<full@example.com>\r\n"
        b"RCPT TO:<b@example.com>\r\nVRFY b@example.com\r\nVRFY \xff\r\nEXPN all\r\nNOOP\r\nHELP\r\n"
        b"AUTH PLAIN\r\nSTARTTLS\r\nDATA x\r\nDATA\r\n" + MAIL + b".\r\nRSET\r\n\r\n"
    )
    greetings = {*offer[:-1], "250 HELP", "250 localhost"}
    replies = [line for line in talk(run.server, sent) if line not in greetings]

    assert (
        len(replies) == 23
    )  # one to each command but the three greetings, and to the mail
    bare = [
        line
        for line in replies
        if line[0] in "245" and not re.match(r"([245])\d\d \1\.\d\.\d+ \S", line)
    ]
    assert bare == []


def test_a_reply_of_421_ends_the_connection(run_server):
    run = run_server(fail={"busy@example.com": 421})
    sent = b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<busy@example.com>\r\nNOOP\r\n"
    assert talk(run.server, sent)[-1].startswith("421 4.3.2 ")


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (
            OSError(28, "No space left on device"),
            b"4.3.1 The mail was not kept: No space left",
        ),
        (RuntimeError("a bug"), b"4.3.0 The mail was not kept"),
    ],
)
def test_a_mail_that_could_not_be_kept_is_refused_for_now_and_logged(
    run_server, caplog, error, reply
):
    def fail(_mail):
        raise error

    run = run_server(on_message=fail)
    with client(run.server) as smtp, pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.sendmail("a@example.com", ["b@example.com"], MAIL)

    assert refused.value.smtp_code in (451, 452)
    assert refused.value.smtp_error.startswith(reply)
    assert "A mail was not kept" in caplog.text
    assert run.server.received == 0


def test_nothing_of_a_mail_reaches_a_log(run_server, caplog):
    caplog.set_level(logging.DEBUG)
    run = run_server(fail={"gone@example.com": 550})
    with client(run.server) as smtp:
        smtp.sendmail("from@example.com", ["gone@example.com", "b@example.com"], MAIL)
    assert "example.com" not in caplog.text
    assert "body" not in caplog.text


def test_what_others_log_through_the_same_logger_stays(run_server, caplog):
    run_server()
    logging.getLogger("mail.log").warning("from another aiosmtpd server")
    assert "from another aiosmtpd server" in caplog.text


def test_no_repr_tells_addresses_bodies_or_passwords(run_server):
    run = run_server(username="ann", password="s3cret", fail={"gone@example.com": 550})
    with client(run.server) as smtp:
        smtp.login("ann", "s3cret")
        smtp.sendmail("from@example.com", ["b@example.com"], MAIL)
    told = f"{run.mails} {run.server} {vars(run.server)}"
    assert "body" not in told
    assert "from@example.com" not in told
    assert "s3cret" not in told


def test_a_hundred_clients_at_once_lose_nothing(run_server):
    run = run_server()

    def send(number: int) -> None:
        with client(run.server) as smtp:
            smtp.sendmail("a@example.com", [f"{number}@example.com"], MAIL)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wanted = {(f"{number}@example.com",) for number in range(100)}
    assert {mail.rcpt_to for mail in run.mails} == wanted
    assert [mail.number for mail in run.mails] == list(range(1, 101))


def test_port_zero_becomes_a_real_port_that_is_free_again_after_stop():
    server = MailServer(on_message=print)
    server.start()
    port = server.port
    server.stop()
    assert port > 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_stopped_server_can_be_started_again_on_its_port():
    mails = []
    server = MailServer(on_message=mails.append)
    with server:
        port = server.port
    with server, client(server) as smtp:
        smtp.sendmail("a@example.com", ["b@example.com"], MAIL)
        assert server.port == port
    assert len(mails) == 1


def test_starting_twice_is_an_error(run_server):
    run = run_server()
    with pytest.raises(RuntimeError, match="running already"):
        run.server.start()


def test_stopping_drops_open_connections_and_may_be_repeated(run_server):
    run = run_server()
    with socket.create_connection(
        (run.server.host, run.server.port), timeout=10
    ) as idle:
        idle.recv(100)
        run.server.stop()
        run.server.stop()
        assert idle.recv(100) == b""
    assert "stopped" in repr(run.server)


def test_a_taken_port_is_one_clear_line(run_server):
    run = run_server()
    with pytest.raises(CannotListenError) as raised:
        MailServer(port=run.server.port, on_message=print).start()
    text = str(raised.value)
    assert f"127.0.0.1:{run.server.port} is already in use" in text
    assert "another port" in text
    assert "\n" not in text


def test_without_aiosmtpd_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiosmtpd.smtp", None)
    conversation_class.cache_clear()
    with pytest.raises(MissingExtraError, match=r"django-mailplus\[smtpserver\]"):
        MailServer(on_message=print).start()
