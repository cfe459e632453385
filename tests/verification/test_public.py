"""The answer to a visitor says nothing about who has an account."""

from __future__ import annotations

import base64
import re

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from verification_stage import links_of, make_user, own_fields, queries

from django_mailplus.pages.showing import form_token
from django_mailplus.verification import (
    is_email_verified,
    send_account_exists_email,
    send_verification_email,
    verify_email_address,
)
from django_mailplus.verification.models import EmailAddress, SendingAllowance
from django_mailplus.verification.tickets import Ticket, read_ticket

RESEND = "/verify/resend/"


def client_ip(request):
    return request.META["REMOTE_ADDR"]


@pytest.fixture
def people(request):
    """An address of every kind; each waits for its first mail in a while."""
    pending = make_user("pending", "pending@example.com")
    EmailAddress.of(pending, pending.email).save()
    verified = make_user("verified", "verified@example.com")
    verify_email_address(verified)
    banned = make_user("banned", "banned@example.com", is_active=False)
    EmailAddress.of(banned, banned.email).save()
    reported = make_user("reported", "reported@example.com")
    row = EmailAddress.of(reported, reported.email)
    row.reported_at = reported.date_joined
    row.save()
    return ["pending", "verified", "banned", "reported", "unknown"]


def ask(visitor, email):
    return visitor.press(RESEND, email=email)


def without_what_differs(page):
    text = re.sub(r"\w+@example\.com", "ADDRESS", page.content.decode())
    return re.sub(r'value="[^"]{40,}"', "", text)


def test_one_answer_and_the_same_work_for_everybody(visitor, people):
    answers, costs = set(), set()
    for name in people:
        token = visitor.open(RESEND).context["form_token"]
        before = len(mail.outbox)
        with queries() as captured:
            page = visitor.send(RESEND, email=f"{name}@example.com", form_token=token)
        answers.add((page.status_code, without_what_differs(page)))
        costs.add((len(captured()), len(mail.outbox) - before))
    assert len(answers) == 1
    ((_, sent),) = costs
    assert sent == 1


def test_only_the_reader_of_the_mail_learns_more(visitor, people):
    for name in people:
        ask(visitor, f"{name}@example.com")
    subjects = {message.to[0].split("@")[0]: message.subject for message in mail.outbox}
    assert subjects == {
        "pending": "Confirm your email address for testserver",
        "verified": "You have an account at testserver already",
        "banned": "No account with this address at testserver",
        "reported": "No account with this address at testserver",
        "unknown": "No account with this address at testserver",
    }
    assert "verify" not in links_of(mail.outbox[2])


def test_a_mailer_that_fails_changes_nothing(visitor, people, with_mailers, server):
    server.replies["RCPT"] = "550 5.1.1 no such user"
    smtp = {"host": "127.0.0.1", "port": server.port}
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": smtp,
            }
        }
    )
    answers = {
        without_what_differs(ask(visitor, f"{name}@example.com")) for name in people
    }
    assert len(answers) == 1
    assert "Check your mail" in answers.pop()


def test_throttled_is_the_same_answer_without_a_mail(visitor, people):
    for name in people:
        first, second = (ask(visitor, f"{name}@example.com") for _ in range(2))
        assert without_what_differs(first) == without_what_differs(second)
    assert len(mail.outbox) == len(people)


def test_throttled_costs_the_same_for_everybody(visitor, people):
    costs = set()
    for name in people:
        ask(visitor, f"{name}@example.com")
        token = visitor.open(RESEND).context["form_token"]
        with queries() as captured:
            visitor.send(RESEND, email=f"{name}@example.com", form_token=token)
        costs.add(len(captured()))
    assert len(costs) == 1


def test_spellings_of_one_address_share_its_limit(visitor, people):
    for email in ("pending@example.com", "PENDING@example.com", "Pending@EXAMPLE.com"):
        ask(visitor, email)
    assert len(mail.outbox) == 1
    fullwidth = "\uff50ending@example.com"  # a p that looks wide
    ask(visitor, fullwidth)
    assert len(mail.outbox) == 1


def test_the_mail_goes_where_the_database_says(visitor, people):
    ask(visitor, "PENDING@EXAMPLE.COM")
    assert mail.outbox[0].to == ["pending@example.com"]


def test_strangers_can_be_left_alone(visitor, people, settings):
    settings.MAILPLUS = {"VERIFICATION_MAIL_UNKNOWN": False}
    ask(visitor, "unknown@example.com")
    assert mail.outbox == []


def test_a_bare_post_sends_nothing(visitor, people):
    page = visitor.send(RESEND, email="pending@example.com")
    assert page.status_code == 200
    assert mail.outbox == []


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x" * 300 + "@example.com"])
def test_what_is_no_address_is_a_form_error(visitor, email):
    page = ask(visitor, email)
    assert "errorlist" in page.content.decode()
    assert mail.outbox == []


def test_a_limit_per_visitor_when_the_project_says_who_is_who(visitor, settings):
    settings.MAILPLUS = {
        "VERIFICATION_CLIENT_IP": f"{__name__}.client_ip",
        "VERIFICATION_MAX_SENDS_PER_CLIENT": 3,
    }
    # importlib mode gives this module a name that import_string cannot find
    import sys

    sys.modules.setdefault(__name__, sys.modules[client_ip.__module__])
    for number in range(5):
        page = ask(visitor, f"stranger{number}@example.com")
        assert "Check your mail" in page.content.decode()
    assert len(mail.outbox) == 3


def test_the_page_after_a_sign_up(visitor):
    """A new account and a taken address lead to pages that nobody can tell apart."""
    owner = make_user("owner", "owner@example.com")
    newcomer = make_user("newcomer", "newcomer@example.com")
    request = RequestFactory().post("/sign-up/")
    with queries() as for_newcomer:
        new = send_verification_email(newcomer, request=request)
    with queries() as for_owner:
        taken = send_account_exists_email("owner@example.com", request=request)
    assert (new.status, taken.status) == ("sent", "sent")
    # Beside what a sign-up does itself: it looks for the owner in any case.
    assert len(for_owner()) == len(for_newcomer()) + 1
    assert [message.to for message in mail.outbox] == [[newcomer.email], [owner.email]]
    pages = [visitor.open(result.sent_url) for result in (new, taken)]
    first, second = (
        re.sub(r"[no]…@", "", without_what_differs(page)) for page in pages
    )
    assert first == second
    assert len(new.ticket) == len(taken.ticket)
    assert owner.email not in taken.sent_url


def test_the_page_after_a_sign_up_mails_again(visitor, no_throttle):
    user = make_user("new", "new@example.com")
    result = send_verification_email(user, base_url="https://shop.example.com")
    page = visitor.open(result.sent_url)
    assert "n…@example.com" in page.content.decode()
    fields = {k: page.context[k] for k in ("form_token", "ticket")}
    page = visitor.send(RESEND, **fields)
    assert "Check your mail" in page.content.decode()
    assert [message.to for message in mail.outbox] == [["new@example.com"]] * 2
    visitor.press(links_of(mail.outbox[1])["verify"])
    assert is_email_verified(user)


def test_a_ticket_that_is_not_ours(visitor):
    page = visitor.open("/verify/sent/forged/")
    assert page.status_code == 302
    assert page.headers["Location"] == RESEND


def test_whoever_is_logged_in_needs_no_ticket(visitor, no_throttle):
    user = make_user("ann", "ann@example.com")
    visitor.client.force_login(user)
    page = visitor.open("/verify/sent/")
    assert "ann@example.com" in page.content.decode()
    visitor.send(RESEND, **own_fields(page))
    assert mail.outbox[0].to == ["ann@example.com"]
    verify_email_address(user)
    assert "confirmed already" in visitor.open("/verify/sent/").content.decode()


def test_no_address_is_kept_in_clear_for_strangers(visitor):
    ask(visitor, "unknown@example.com")
    (row,) = SendingAllowance.objects.all()
    assert "unknown" not in f"{row.key}{row}"
    assert not EmailAddress.objects.exists()


def test_no_cookie_tells_a_taken_address_from_a_free_one(settings, rf):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True}
    make_user("owner", "owner@example.com")
    newcomer = make_user("newcomer", "newcomer@example.com")
    requests = [rf.post("/sign-up/"), rf.post("/sign-up/")]
    for request in requests:
        request.session = SessionStore()
    send_verification_email(newcomer, request=requests[0])
    send_account_exists_email("owner@example.com", request=requests[1])
    assert [request.session.modified for request in requests] == [True, True]
    first, second = (list(request.session.keys()) for request in requests)
    assert first == second


def test_not_even_throttled_does_a_cookie_tell(settings, rf):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True}
    newcomer = make_user("newcomer", "newcomer@example.com")
    for _ in range(2):
        request = rf.post("/sign-up/")
        request.session = SessionStore()
        result = send_verification_email(newcomer, request=request)
        assert request.session.modified
    assert result.status == "throttled"


def test_a_mistake_costs_no_mail(user):
    with pytest.raises(ImproperlyConfigured, match="BASE_URL"):
        send_verification_email(user)
    assert send_verification_email(user, base_url="https://x.example").status == "sent"


def test_another_mail_by_ticket_tells_nothing(visitor, people, no_throttle):
    answers, costs = set(), set()
    for name in people:
        page = ask(visitor, f"{name}@example.com")
        fields = {k: page.context[k] for k in ("form_token", "ticket")}
        before = len(mail.outbox)
        with queries() as captured:
            page = visitor.send(RESEND, **fields)
        text = without_what_differs(page).replace(name[0] + "…@example.com", "")
        answers.add((page.status_code, text))
        costs.add((len(captured()), len(mail.outbox) - before))
    assert len(answers) == 1
    assert len(costs) == 1


def test_a_ticket_can_be_read_by_us_alone(settings):
    ticket = Ticket.of("ann@example.com", method="both", next_url="/basket/")
    text = ticket.sign()
    assert read_ticket(text) == ticket
    assert ticket.sign() != text
    payload = text.split(":")[0]
    for secret in ("ann", "example", "basket"):
        assert secret not in payload
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in payload
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert read_ticket(text) == ticket
    settings.SECRET_KEY_FALLBACKS = []
    assert read_ticket(text) is None


def test_another_site_cannot_ask_in_the_name_of_whoever_is_logged_in(visitor):
    user = make_user("ann", "ann@example.com")
    visitor.client.force_login(user)
    for page in (RESEND, "/verify/code/"):
        answer = visitor.send(page, form_token=form_token(), code="000000")
        assert answer.status_code == 403
    assert mail.outbox == []
