"""What a preview does lasts nowhere, and leaves on no way: not even one that takes a detour."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.contrib.auth import get_user_model

from django_mailplus.blocking import check_may_send, sending_blocked
from django_mailplus.exceptions import SendingBlockedError
from django_mailplus.testing import SmtpServer

pytestmark = pytest.mark.django_db

STARTING = """
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage, send_mail

from django_mailplus.previews import preview
from django_mailplus.templated import Mail

def send():
    try:
        send_mail("S", "", "a@example.com", ["b@example.com"])
    except OSError as error:
        return type(error).__name__

def message(found):
    return EmailMessage(str(found), "", "a@example.com", ["b@example.com"])
"""


@pytest.fixture
def smtp(with_mailers):
    with SmtpServer() as server:
        options = {"host": server.host, "port": server.port}
        path = "django.core.mail.backends.smtp.EmailBackend"
        with_mailers({"default": {"BACKEND": path, "OPTIONS": options}})
        yield server


DETOURS = {
    "a thread": """
@preview
def detour():
    found = []
    thread = Thread(target=lambda: found.append(send()))
    thread.start()
    thread.join()
    return message(found[0])
""",
    "a thread of a thread": """
@preview
def detour():
    found = []
    inner = Thread(target=lambda: found.append(send()))
    def outer():
        inner.start()
        inner.join()
    thread = Thread(target=outer)
    thread.start()
    thread.join()
    return message(found[0])
""",
    "a pool": """
@preview
def detour():
    with ThreadPoolExecutor(1) as pool:
        return message(pool.submit(send).result())
""",
    "an event loop": """
import asyncio

async def later():
    return await asyncio.get_running_loop().run_in_executor(None, send)

@preview
def detour():
    return message(async_to_sync(later)())
""",
}


@pytest.mark.parametrize("detour", DETOURS)
def test_nothing_is_sent_by_a_detour(found, smtp, detour):
    case = found(STARTING + DETOURS[detour])["shop_app.detour"].cases[0]
    assert case.show().message.subject == SendingBlockedError.__name__
    assert smtp.messages == []


def test_nothing_is_sent_by_the_samples_of_a_class(found, smtp):
    preview = found(
        STARTING
        + """
class Hello(Mail):
    template = "hello"

    @classmethod
    def previews(cls):
        send_mail("S", "", "a@example.com", ["b@example.com"])
        return {"sample": cls()}
"""
    )["shop_app.Hello"]
    assert SendingBlockedError.__name__ in preview.problem.line
    assert smtp.messages == []


def test_what_the_samples_of_a_class_write_is_there_for_the_mail_and_gone_afterwards(
    found,
):
    preview = found(
        STARTING
        + """
class Hello(Mail):
    template = "hello"
    user: object
    number: int = 1

    @classmethod
    def previews(cls):
        return {"sample": cls(user=get_user_model().objects.create_user("ann"))}

    def get_context(self):
        names = get_user_model().objects.filter(pk=self.user.pk)
        return {"name": names.get().username}
"""
    )["shop_app.Hello"]
    assert not get_user_model().objects.exists()
    shown = preview.cases[0].show(values={"number": 2})
    assert shown.message.subject == "Hello ann"
    assert "Hello ann, 2" in shown.message.body
    assert not get_user_model().objects.exists()


def test_a_connection_that_is_open_is_no_way_around():
    with SmtpServer() as server, smtplib.SMTP(server.host, server.port) as client:
        with sending_blocked(), pytest.raises(SendingBlockedError):
            client.sendmail("a@example.com", ["b@example.com"], "Subject: S")
        assert server.messages == []
        client.sendmail("a@example.com", ["b@example.com"], "Subject: S")
        assert len(server.messages) == 1


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def test_a_connection_to_a_provider_that_is_open_is_no_way_around():
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        client = HTTPConnection(*server.server_address)
        try:
            client.request("GET", "/")
            client.getresponse().read()
            port = server.server_address[1]
            with sending_blocked(frozenset({port})), pytest.raises(SendingBlockedError):
                client.request("GET", "/")
        finally:
            client.close()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "command",
    [
        ["/usr/sbin/sendmail", "-t"],
        ["sh", "-c", "cat x | /usr/lib/sendmail -t"],
        [b"/usr/bin/msmtp", b"b@example.com"],
    ],
)
def test_no_program_sends_it(command):
    with sending_blocked(), pytest.raises(SendingBlockedError):
        subprocess.run(command, check=False)


def test_other_programs_make_what_a_mail_shows():
    with sending_blocked():
        done = subprocess.run(
            [sys.executable, "-c", "print('sent mail')"],
            check=True,
            capture_output=True,
        )
    assert done.stdout.split() == [b"sent", b"mail"]


def test_a_thread_of_a_pool_that_began_in_a_preview_sends_for_others_afterwards():
    with ThreadPoolExecutor(1) as pool:
        with sending_blocked():
            refused = pool.submit(check_may_send).exception()
        assert isinstance(refused, SendingBlockedError)
        assert pool.submit(check_may_send).exception() is None


def test_a_thread_that_outlives_its_preview_sends_nothing():
    go_on, found = threading.Event(), []

    def late():
        go_on.wait(10)
        try:
            check_may_send()
        except SendingBlockedError as error:
            found.append(error)

    thread = threading.Thread(target=late)
    with sending_blocked():
        thread.start()
    check_may_send()
    go_on.set()
    thread.join()
    assert len(found) == 1


def test_a_hint_that_only_a_type_checker_understands_hides_no_other_mail(found):
    previews = found(
        """
from __future__ import annotations
from typing import TYPE_CHECKING

from django_mailplus.previews import preview

if TYPE_CHECKING:
    from nowhere import User

@preview
def broken(user: User | None = None):
    pass

@preview
def whole():
    pass
"""
    )
    assert "User" in previews["shop_app.broken"].problem.line
    assert previews["shop_app.whole"].problem is None


@pytest.mark.parametrize("language", ["xx", "../../../hello", "de\0", "x" * 500, "all"])
def test_no_language_that_the_project_does_not_speak(app, client, settings, language):
    settings.DEBUG = True
    app(
        """
from django.utils.translation import get_language
from django.core.mail import EmailMessage
from django_mailplus.previews import preview

@preview
def spoken():
    return EmailMessage("S", get_language(), "a@example.com", ["b@example.com"])
"""
    )
    page = "/mail/previews/shop_app.spoken/sample/frame/"
    answer = client.get(page, {"lang": language})
    assert settings.LANGUAGE_CODE in answer.content.decode()
    assert "This preview failed" not in answer.content.decode()


def test_samples_whose_names_have_no_letter_for_an_address(found):
    preview = found(
        """
from django_mailplus.templated import Mail

class Hello(Mail):
    template = "hello"
    name: str

    @classmethod
    def previews(cls):
        return {name: cls(name=name) for name in ("日本", "中国", "Ann", "Ann!")}
"""
    )["shop_app.Hello"]
    slugs = [case.slug for case in preview.cases]
    assert slugs == ["sample", "sample-2", "ann", "ann-2"]
    subjects = [preview.case(slug).show().message.subject for slug in slugs]
    assert subjects == ["Hello 日本", "Hello 中国", "Hello Ann", "Hello Ann!"]


WITHOUT_DATABASE = """
import django
from django.conf import settings
from django.core.mail import EmailMessage

settings.configure(USE_TZ=True, DATABASES={})
django.setup()
from django_mailplus.previews.cases import case_of_function

def sample():
    return EmailMessage("S", "Body", "a@example.com", ["b@example.com"])

shown = case_of_function(sample).show()
print(shown.problem.line if shown.problem else shown.message.subject)
"""


def test_a_project_without_a_database():
    program = [sys.executable, "-c", WITHOUT_DATABASE]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "S"
