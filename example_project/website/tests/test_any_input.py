# ruff: noqa: PT009 (unittest's assertions explain themselves under manage.py test)
"""No input of any kind makes the site fail or mail somebody it should not."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from django_mailplus.verification import verify_email_address
from website.contact import admin_addresses, manager_addresses
from website.recipes.registry import RECIPES

FIELDS = sorted(
    {"name", "email", "subject", "message", "recipient", "next", "csrfmiddlewaretoken"}
    | {
        "username",
        "password",
        "password1",
        "password2",
        "new_password1",
        "new_password2",
    }
    | {"cancel", "code", "form_token", "ticket"}
)
PATHS = [
    reverse("home"),
    reverse("contact"),
    reverse("account"),
    reverse("members"),
    *(
        reverse(f"mailplus:{name}")
        for name in (
            "email_change",
            "verify_email_code",
            "verify_email_done",
            "verify_email_resend",
            "verify_email_sent",
        )
    ),
    reverse("sign_up"),
    reverse("login"),
    reverse("logout"),
    reverse("test_mail"),
    reverse("password_reset"),
    reverse("password_reset_done"),
    reverse("password_reset_confirm", args=["MQ", "set-password"]),
    *(reverse("recipe", args=[slug]) for slug in RECIPES),
]
KNOWN_HEADERS = {
    "Subject",
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Date",
    "Message-ID",
    "MIME-Version",
} | {"Content-Type", "Content-Transfer-Encoding", "Auto-Submitted", "X-Order"}
OWN_ADDRESS = "vera@example.org"
PASSWORD = "seven ferns, 1 kettle"  # noqa: S105

hostile = st.sampled_from(
    [
        "a@example.com\r\nBcc: victim@example.org",
        "a@example.com\n\nInjected",
        "Hi\r\nBcc: victim@example.org",
        "\0",
        "a\0@example.com",
        "x" * 10_000,
        "x" * 10_000 + "@example.com",
        "a@" + "x" * 10_000 + ".com",
        "é@example.com",
        "a@éxample.com",
        "İ" * 100 + "@example.com",
        "a@" + "ﷺ" * 20 + ".com",
        "a@xn--.com",
        "a@[127.0.0.1]",
        "a@[IPv6:::1]",
        '"a b"@example.com',
        '"a\x01"@example.com',
        '"\\""@example.com',
        "a@example.com,victim@example.org",
        "<a@example.com>",
        "=?utf-8?q?=0ABcc:_victim@example.org?=@example.com",
        "\u2028",
        "\ufeff",
        "\U0010ffff",
        "\x7f\x80\x9f",
        "🍵" * 2_000,
    ]
)
good = st.sampled_from(
    [
        OWN_ADDRESS,
        PASSWORD,
        "customer@example.com",
        "a@example.com",
        "Hello",
        "https://x.example/",
    ]
)
values = st.one_of(hostile, good, st.text(max_size=60), st.emails())
posts = st.dictionaries(
    st.one_of(st.sampled_from(FIELDS), st.text(max_size=10)),
    st.lists(values, min_size=1, max_size=3),
    max_size=6,
)
content_types = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencoded; charset=\xff",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=x; charset=zlib",
        "multipart/form-data; boundary=x; charset=undefined",
        "multipart/form-data; boundary=",
        "multipart/form-data",
        "application/json",
        "text/plain; charset",
        "",
    ]
)
part_headers = st.sampled_from(
    [
        b'Content-Disposition: form-data; name="email"',
        b'Content-Disposition: form-data; name="email"; filename="a\0b"',
        b"Content-Disposition: form-data; name*=zlib''email",
        b"Content-Disposition: form-data",
        b'Content-Disposition: form-data; name="message"\r\nContent-Transfer-Encoding: base64',
    ]
)
bodies = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda header, content: (
            b"--x\r\n" + header + b"\r\n\r\n" + content + b"\r\n--x--\r\n"
        ),
        part_headers,
        st.binary(max_size=100),
    ),
    st.builds(
        lambda name, content: name.encode() + b"=" + content,
        st.sampled_from(FIELDS),
        st.binary(),
    ),
    st.just(b"&".join([b"email=a"] * 2_000)),  # more fields than Django takes
    st.just(b"message=" + b"x" * 3_000_000),  # more bytes than Django takes
)

thorough = hypothesis_settings(max_examples=150, deadline=None, database=None)


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
class AnyInput(TestCase):
    def setup_example(self):
        """Before every example, in its transaction."""
        super().setup_example()
        cache.clear()
        self.user = User.objects.create_user(OWN_ADDRESS, OWN_ADDRESS, PASSWORD)
        verify_email_address(self.user)

    def client_of(self, logged_in: bool) -> Client:
        client = Client(raise_request_exception=False)
        if logged_in:
            client.force_login(self.user)
        return client

    def check(self, response) -> None:
        self.assertLess(response.status_code, 500)
        team = {*manager_addresses(), *admin_addresses()}
        for message in mail.outbox:
            recipients = set(message.recipients())
            invented = {a for a in recipients if a.endswith("@example.com")}
            self.assertLessEqual(recipients, team | invented | {OWN_ADDRESS})
            self.assertEqual(set(message.message().keys()) - KNOWN_HEADERS, set())
            self.assertIn(
                message.from_email, {settings.DEFAULT_FROM_EMAIL, settings.SERVER_EMAIL}
            )

    @thorough
    @given(path=st.sampled_from(PATHS), data=posts, logged_in=st.booleans())
    def test_any_form(self, path, data, logged_in):
        self.check(self.client_of(logged_in).post(path, data))

    @thorough
    @given(
        path=st.sampled_from(PATHS),
        body=bodies,
        content_type=content_types,
        logged_in=st.booleans(),
    )
    def test_any_body(self, path, body, content_type, logged_in):
        self.check(self.client_of(logged_in).generic("POST", path, body, content_type))

    @thorough
    @given(
        path=st.sampled_from(PATHS),
        query=st.dictionaries(st.sampled_from(FIELDS), values),
    )
    def test_any_query(self, path, query):
        self.check(self.client_of(True).get(path, query))

    @thorough
    @given(name=values, email=values, subject=values, message=values)
    def test_any_words_to_the_managers(self, name, email, subject, message):
        fields = {"name": name, "email": email, "subject": subject, "message": message}
        response = self.client_of(False).post(reverse("contact"), fields)
        self.check(response)
        self.assertEqual(len(mail.outbox), 0 if response.context["form"].errors else 1)
        for sent in mail.outbox:
            self.assertEqual(sent.recipients(), manager_addresses())
            self.assertEqual(len(sent.message().get_all("Reply-To")), 1)
            self.assertGreater(len(sent.message().as_bytes()), 0)

    @thorough
    @given(email=values)
    def test_any_address_that_signs_up_can_mail_itself(self, email):
        client = self.client_of(False)
        fields = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
        self.assertLess(client.post(reverse("sign_up"), fields).status_code, 500)
        typed = email.strip().lower()
        for message in mail.outbox:
            self.assertEqual([to.lower() for to in message.to], [typed])
        for user in User.objects.exclude(pk=self.user.pk):
            mail.outbox.clear()
            verify_email_address(user)
            client.force_login(user)
            self.assertLess(client.post(reverse("test_mail")).status_code, 500)
            self.assertEqual([m.to for m in mail.outbox], [[user.email]])
        response = client.post(reverse("password_reset"), {"email": email})
        self.assertLess(response.status_code, 500)

    @thorough
    @given(
        page=st.sampled_from(["verify_email_resend", "verify_email_code"]),
        email=values,
        code=values,
        ticket=values,
        signed_up=st.booleans(),
    )
    def test_any_form_of_the_verification(self, page, email, code, ticket, signed_up):
        client = self.client_of(False)
        shown = client.get(reverse("mailplus:verify_email_resend"))
        if signed_up:
            passwords = {"password1": PASSWORD, "password2": PASSWORD}
            fields = {"email": OWN_ADDRESS, **passwords}
            answer = client.post(reverse("sign_up"), fields)
            ticket = client.get(answer.url).context["ticket"]
        fields = {"form_token": shown.context["form_token"], "email": email}
        fields |= {"code": code, "ticket": ticket}
        response = client.post(reverse(f"mailplus:{page}"), fields)
        self.assertLess(response.status_code, 500)
        for message in mail.outbox:
            self.assertEqual(set(message.message().keys()) - KNOWN_HEADERS, set())
            (recipient,) = message.recipients()
            self.assertIn(recipient, {OWN_ADDRESS, email.strip()})

    @thorough
    @given(email=values, password=st.just(PASSWORD) | values)
    def test_any_new_address_changes_nothing_by_itself(self, email, password):
        fields = {"email": email, "password": password}
        path = reverse("mailplus:email_change")
        self.assertLess(self.client_of(True).post(path, fields).status_code, 500)
        self.user.refresh_from_db()
        self.assertEqual(self.user.email, OWN_ADDRESS)
        self.assertLessEqual(len(mail.outbox), 2 if password == PASSWORD else 0)

    @thorough
    @given(
        slug=st.text(max_size=40), uid=st.text(max_size=40), token=st.text(max_size=40)
    )
    def test_any_address_of_a_page(self, slug, uid, token):
        from urllib.parse import quote

        client = self.client_of(False)
        self.check(client.get(f"/recipes/{quote(slug)}/"))
        self.check(client.get(f"/account/password/{quote(uid)}/{quote(token)}/"))
        self.check(client.get(f"/verify/sent/{quote(token)}/"))
        for page in ("", "report/", "change/", "cancel/"):
            path = f"/verify/{page}{quote(uid)}/{quote(token)}/"
            self.check(client.get(path))
            self.check(client.post(path))
