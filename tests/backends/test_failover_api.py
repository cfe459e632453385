"""Failover from the API of a provider: what its HTTP status says of it and of the mail."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from backends.stage import smtp
from django.core.mail import EmailMessage

from django_mailplus.backends.breakers import Patience, breaker_of
from django_mailplus.compat import get_mailer

pytest.importorskip("anymail", reason="no django-anymail")
pytestmark = pytest.mark.usefixtures("forget_mailers")


INACTIVE = "Found inactive addresses: b@x.org. Inactive recipients bounced."


class Api(HTTPServer):
    """Answers to each mail with a status, as Postmark does, and counts them."""

    status, code = 200, 0
    asked = 0


class Answers(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        code = self.server.code
        told = {"ErrorCode": code, "Message": INACTIVE if code else "OK"}
        body = json.dumps([{**told, "To": "b@x.org", "MessageID": "1"}]).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Nothing."""


@pytest.fixture
def api():
    with Api(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def send(with_mailers, servers, api):
    def send(**options):
        failover = "django_mailplus.backends.failover.EmailBackend"
        with_mailers(
            {
                "default": {
                    "BACKEND": failover,
                    "OPTIONS": {"using": ["api", "spare"], **options},
                },
                "api": {"BACKEND": "anymail.backends.postmark.EmailBackend"},
                "spare": smtp(servers[0]),
            },
            ANYMAIL={
                "POSTMARK_SERVER_TOKEN": "x",
                "POSTMARK_API_URL": f"http://127.0.0.1:{api.server_port}/",
            },
        )
        message = EmailMessage("Hi", "Hi", "a@example.com", ["b@x.org"])
        return get_mailer("default").send_messages([message])

    return send


def health():
    return breaker_of("default", "api", Patience()).health


def test_what_it_takes_nobody_else_gets(send, api, servers):
    assert send() == 1
    assert (api.asked, len(servers[0].taken), health()) == (1, 0, "closed")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_one_that_takes_no_mail_at_all_is_down(send, api, servers, status):
    api.status = status
    assert send() == 1
    assert (api.asked, len(servers[0].taken), health()) == (1, 1, "open")


@pytest.mark.parametrize("status", [429, 503])
def test_one_that_is_busy_is_asked_again(send, api, servers, status):
    api.status = status
    assert send() == 1
    assert (api.asked, len(servers[0].taken), health()) == (1, 1, "closed")


@pytest.mark.parametrize("status", [400, 422])
def test_what_it_refuses_is_refused(send, api, servers, status):
    api.status, api.code = status, 10
    with pytest.raises(Exception, match=str(status)):
        send()
    assert (api.asked, len(servers[0].taken), health()) == (1, 0, "closed")


def test_whom_it_does_not_mail_nobody_does(send, api, servers):
    from anymail.exceptions import AnymailRecipientsRefused

    api.status, api.code = 422, 406  # its own list of those who bounced
    with pytest.raises(AnymailRecipientsRefused):
        send()
    assert (api.asked, len(servers[0].taken), health()) == (1, 0, "closed")


@pytest.mark.parametrize("status", [500, 502, 504])
def test_what_it_may_have_taken_nobody_else_gets(send, api, servers, status):
    """Unless you say so."""
    api.status = status
    with pytest.raises(Exception, match=str(status)):
        send()
    assert (api.asked, len(servers[0].taken), health()) == (1, 0, "closed")
    assert send(on_unknown="next") == 1
    assert (api.asked, len(servers[0].taken)) == (2, 1)
