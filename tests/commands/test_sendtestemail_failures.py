"""sendtestemail: each failure with its cause and its remedy, and never a password."""

from __future__ import annotations

import base64
import re
import socket

import pytest
from commands.sendtestemail_stage import (
    PASSWORD,
    SMTP,
    Outcome,
    Wrapper,
    backend_path,
    google,
    mailer,
    people,
)
from django.test import override_settings
from scripted_server import CLOSE, ScriptedServer

from django_mailplus.backends import breakers
from django_mailplus.suppression import Reason, suppress

# --- Refusals --------------------------------------------------------------------------------


def test_a_refused_recipient_is_named_with_cause_and_remedy(aiosmtpd_server):
    with override_settings(MAILERS={"default": mailer(aiosmtpd_server)}):
        outcome = Outcome("a@example.com", "gone@example.com")
    assert "accepted a@example.com 250 2.1.5 Ok" in outcome.out
    assert "refused gone@example.com 550 5.1.1 User unknown" in outcome.out
    assert outcome.failure.startswith(
        "default: the recipient's mailbox does not exist."
    )
    assert "Refused 1 of 2 recipients: gone@example.com" in outcome.failure
    assert "Remedy Correct the address" in outcome.failure
    assert len(aiosmtpd_server.messages) == 1


def test_a_message_refused_by_all_names_them_and_the_next_one_is_still_sent(
    aiosmtpd_server,
):
    with override_settings(
        MAILERS={"default": mailer(aiosmtpd_server)}, MANAGERS=people("m@example.com")
    ):
        outcome = Outcome("gone@example.com", "gone2@example.com", "--managers")
    assert (
        "Refused 2 of 2 recipients: gone@example.com, gone2@example.com"
        in outcome.failure
    )
    assert [envelope.rcpt_tos for envelope in aiosmtpd_server.messages] == [
        ["m@example.com"]
    ]


def test_a_refusal_for_now_is_told_from_one_for_good():
    with (
        ScriptedServer(
            rcpt={"slow@": "450 4.2.0 Greylisted, come back later"}
        ) as server,
        override_settings(MAILERS={"default": mailer(server)}),
    ):
        outcome = Outcome("a@example.com", "slow@example.com")
    assert "refused for now slow@example.com 450 4.2.0 Greylisted" in outcome.out
    assert "Greylisting: an unknown sender is turned away once" in outcome.failure


def test_a_mail_whose_answer_was_lost_may_have_arrived():
    with (
        ScriptedServer(content=CLOSE) as server,
        override_settings(MAILERS={"default": mailer(server)}),
    ):
        outcome = Outcome("a@example.com")
    assert "perhaps sent a@example.com" in outcome.out
    assert "Refused" not in outcome.failure
    assert "It may have arrived" in outcome.failure


def test_after_a_failed_login_no_recipient_is_called_refused():
    with (
        google() as server,
        override_settings(
            MAILERS={
                "default": mailer(server, username="me@gmail.com", password=PASSWORD)
            }
        ),
    ):
        outcome = Outcome("a@example.com")
    assert "Refused" not in outcome.failure
    assert "refused" not in outcome.out


# --- Failures --------------------------------------------------------------------------------


def test_googles_refusal_of_a_password_is_explained():
    with (
        google() as server,
        override_settings(
            MAILERS={
                "default": mailer(server, username="me@gmail.com", password=PASSWORD)
            }
        ),
    ):
        outcome = Outcome("a@example.com")
    assert outcome.failure.startswith("default: Google wants an app password.")
    assert "Error 534 5.7.9 Application-specific password required." in outcome.failure
    assert "2-step verification" in outcome.failure
    assert "16 characters, without the spaces" in outcome.failure
    assert "MAILERS['default']['OPTIONS']['password']" in outcome.failure


def test_after_a_failed_login_no_second_message_is_tried():
    with (
        google() as server,
        override_settings(
            MAILERS={
                "default": mailer(server, username="me@gmail.com", password=PASSWORD)
            },
            MANAGERS=people("m@example.com"),
        ),
    ):
        outcome = Outcome("a@example.com", "--managers")
        connections = [line for line in server.commands if line.startswith("ehlo")]
    assert len(connections) == 1
    assert outcome.failure.count("Remedy") == 1


def test_a_refused_connection_is_explained():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    mailers = {
        "default": {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": port}}
    }
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@example.com")
    assert outcome.failure.startswith(f"default: nothing listens at 127.0.0.1:{port}")
    assert "Error ConnectionRefusedError" in outcome.failure
    assert "runmailserver" in outcome.failure


def test_a_user_without_password_is_explained():
    with (
        ScriptedServer(mail="530 5.7.0 Authentication Required. - gsmtp") as server,
        override_settings(MAILERS={"default": mailer(server, username="me@gmail.com")}),
    ):
        outcome = Outcome("a@example.com")
    assert (
        "there is a user name but no password, so Django did not log in"
        in outcome.failure
    )


def test_swapped_encryption_is_explained(server):
    with override_settings(MAILERS={"default": mailer(server, use_ssl=True)}):
        outcome = Outcome("a@example.com")
    assert (
        "TLS from the start was spoken to a port that begins in plain text"
        in outcome.failure
    )


def test_behind_a_wrapper_the_settings_of_the_inner_mailer_are_named():
    with (
        ScriptedServer(mail="530 5.7.0 Authentication Required. - gsmtp") as server,
        override_settings(
            MAILERS={
                "default": {
                    "BACKEND": backend_path(Wrapper),
                    "OPTIONS": {"using": "inner"},
                },
                "inner": mailer(server, username="me@gmail.com"),
            }
        ),
    ):
        outcome = Outcome("a@example.com")
    assert "there is a user name but no password" in outcome.failure
    assert "MAILERS['inner']['OPTIONS']['password']" in outcome.failure


def test_an_unknown_alias_is_explained():
    outcome = Outcome("a@example.com", "--using", "nope")
    assert "nope: there is no mailer with that alias." in outcome.failure
    assert "Mailers default, console" in outcome.failure


def test_an_invalid_from_address_is_explained(server):
    with override_settings(MAILERS={"default": mailer(server)}):
        outcome = Outcome(
            "a@example.com", "--from", "a@example.com\nBcc: b@example.com"
        )
    # Django 5.2 finds the line break, later versions the second address.
    assert "Remedy" in outcome.failure
    assert server.messages == []


# --- Mailers on the way ------------------------------------------------------------------------


def behind(kind, using, **options):
    path = f"django_mailplus.backends.{kind}.EmailBackend"
    return {"BACKEND": path, "OPTIONS": {"using": using, **options}}


def test_of_a_mail_sent_in_parts_the_mailer_that_is_down_is_explained(server):
    breakers.forget_breakers()
    with socket.create_server(("127.0.0.1", 0)) as free:
        down = {
            "BACKEND": SMTP,
            "OPTIONS": {"host": "127.0.0.1", "port": free.getsockname()[1]},
        }
    route = behind("route", ["up", "down"], routes={"b.example": "down"})
    mailers = {"default": route, "up": mailer(server), "down": down}
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@a.example", "b@b.example")
    assert "accepted a@a.example 250" in outcome.out
    assert "Reply" not in outcome.out
    assert outcome.failure.startswith("default: nothing listens at 127.0.0.1:")
    assert "Not sent 1 of 2 recipients: b@b.example Through down" in outcome.failure
    assert "MAILERS['down']['OPTIONS']['port']" in outcome.failure


def test_where_all_are_down_the_settings_of_one_that_was_asked_are_named():
    breakers.forget_breakers()
    down = {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": 1}}
    mailers = {"default": behind("failover", ["a", "b"]), "a": down, "b": down}
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@example.com")
    assert "no mailer could be reached (a: ConnectionRefused" in outcome.failure
    assert "MAILERS['b']['OPTIONS']['host'] was never set" in outcome.failure


def test_what_was_made_good_by_another_mailer_is_not_explained(server):
    breakers.forget_breakers()
    down = {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": 1}}
    mailers = {
        "default": behind("route", ["either", "down"], routes={"b.example": "down"}),
        "either": behind("failover", ["dead", "up"]),
        "dead": down,
        "up": mailer(server),
        "down": down,
    }
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@a.example", "b@b.example")
    assert "Through down" in outcome.failure


@pytest.mark.django_db
def test_a_rate_that_is_used_up_says_when_there_is_room(server):
    limited = behind("ratelimit", "inner", rate="1/h", max_wait=0)
    mailers = {"default": limited, "inner": mailer(server)}
    with override_settings(MAILERS=mailers):
        assert Outcome("a@example.com").error is None
        outcome = Outcome("a@example.com")
    assert "default: the mailer may send no more for now." in outcome.failure
    assert re.search(r"no room for another mail for 3[56]\d\d s", outcome.failure)
    assert "raise 'rate'" in outcome.failure


@pytest.mark.django_db
def test_whom_the_list_keeps_back_is_told_apart_from_a_failure(server):
    suppress("gone@example.com", reason=Reason.MANUAL)
    mailers = {"default": behind("suppression", "inner"), "inner": mailer(server)}
    with override_settings(MAILERS=mailers):
        some = Outcome("a@example.com", "gone@example.com")
        nobody = Outcome("gone@example.com")
    assert "kept back gone@example.com Not sent: on the do-not-mail list" in some.out
    assert some.failure == (
        "default: some recipients were kept back. "
        "Kept 1 of 2 recipients: gone@example.com "
        "Reason Not sent: on the do-not-mail list (manual)"
    )
    assert nobody.failure.startswith("default: the mail was not sent. Kept 1 of 1")


def test_an_api_without_a_key_is_explained():
    postmark = {"BACKEND": "anymail.backends.postmark.EmailBackend"}
    with override_settings(MAILERS={"default": postmark}):
        outcome = Outcome("a@example.com")
    assert "default: the mailer has no key for the provider's API." in outcome.failure
    assert "OPTIONS must define 'server_token'" in outcome.failure


# --- The dialogue ----------------------------------------------------------------------------


def test_trace_prints_the_dialogue_without_the_content(server):
    with override_settings(MAILERS={"default": mailer(server)}):
        outcome = Outcome("a@example.com", "--trace")
    assert "< 220 test ESMTP" in outcome.out
    assert "> rcpt to:<a@example.com>" in outcome.out.lower()
    assert "bytes>" in outcome.out
    assert "If you're reading this" not in outcome.out


def test_without_trace_no_dialogue_is_printed(server):
    with override_settings(MAILERS={"default": mailer(server)}):
        outcome = Outcome("a@example.com")
    assert "220 test ESMTP" not in outcome.out


def test_trace_of_a_backend_without_smtp_says_that_there_was_none():
    outcome = Outcome("a@example.com", "--trace")
    assert "no SMTP dialogue took place in this process" in outcome.out


def test_trace_shows_where_a_dialogue_broke():
    with (
        ScriptedServer(mail=CLOSE) as server,
        override_settings(MAILERS={"default": mailer(server)}),
    ):
        outcome = Outcome("a@example.com", "--trace")
    assert "< 250" in outcome.out
    assert "the server closed the connection" in outcome.failure


# --- Secrets -----------------------------------------------------------------------------------


def forms(user: str, password: str) -> list[str]:
    def b64(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    return [password, b64(password), b64(f"\0{user}\0{password}")]


@pytest.mark.parametrize(
    "mechanisms", ["PLAIN", "LOGIN", "CRAM-MD5", "CRAM-MD5 PLAIN LOGIN"]
)
@pytest.mark.parametrize("auth", ["235 ok", "535 5.7.8 no", "334 VXNlcm5hbWU6"])
def test_the_password_never_appears(mechanisms, auth):
    with (
        ScriptedServer(
            ehlo=f"250-test\n250 AUTH {mechanisms}", auth=auth, answer="535 5.7.8 no"
        ) as server,
        override_settings(
            MAILERS={"default": mailer(server, username="me", password=PASSWORD)}
        ),
    ):
        outcome = Outcome("a@example.com", "--trace", verbosity=3)
    everything = outcome.raw + outcome.printed + outcome.failure
    assert "AUTH" in outcome.raw
    for form in forms("me", PASSWORD):
        assert form not in everything


@pytest.mark.parametrize("form", [0, 1, 2])
@pytest.mark.parametrize("stage", ["auth", "mail", "rcpt", "content"])
def test_a_password_that_the_server_echoes_is_masked(form, stage):
    echo = forms("me", PASSWORD)[form]
    code = "535" if stage == "auth" else "550"
    with (
        ScriptedServer(
            ehlo="250-test\n250 AUTH PLAIN",
            **{stage: f"{code} 5.7.8 I do not like {echo}"},
        ) as server,
        override_settings(
            MAILERS={"default": mailer(server, username="me", password=PASSWORD)}
        ),
    ):
        outcome = Outcome("a@example.com")
    assert "I do not like ****" in outcome.failure
    assert echo not in outcome.raw + outcome.failure
