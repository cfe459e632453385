# ruff: noqa: PT009 (unittest's assertions explain themselves under manage.py test)
"""The contact form."""

from __future__ import annotations

from unittest.mock import patch

from django.conf import settings
from django.test import TestCase, override_settings
from django.urls import reverse

from django_mailplus.testing import MailAssertionsMixin
from website.contact import manager_addresses

GOOD = {
    "name": "Vera Visitor",
    "email": "vera@example.org",
    "subject": "Do you ship to Zürich?",
    "message": "I would like two tins.",
}


class Contact(MailAssertionsMixin, TestCase):
    def post(self, **fields):
        return self.client.post(reverse("contact"), GOOD | fields)

    def test_mails_the_managers_with_the_visitor_in_reply_to_and_never_in_from(self):
        response = self.post()
        self.assertContains(response, "your message is on its way")
        mail = self.mailbox.one(from_=settings.SERVER_EMAIL, text="two tins")
        self.assertEqual(mail.to, manager_addresses())
        self.assertEqual(mail.headers["Reply-To"], "vera@example.org")
        self.assertEqual(mail.subject, "[Fern & Kettle] Do you ship to Zürich?")
        self.assertNoMailSent(to="vera@example.org")

    def test_sends_nothing_for_bad_input_and_says_why_beside_the_field(self):
        bad = {
            "name": [
                "",
                "x" * 81,
                "Eve\nBcc: a@example.com",
                "a\rb",
                "a\0b",
                "a\u2028b",
                "a\x85b",
            ],
            "email": [
                "",
                "nobody",
                "a@b@example.com",
                "a@example.com, b@example.com",
                "a@example.com\nBcc: b@example.com",
                "Vera <a@example.com>",
                '"a\x01b"@example.com',
                '"a, b@example.com"@example.com',
                "@example.com",
                "a" * 300 + "@example.com",
                "a@example.com\0",
            ],
            "subject": ["", "x" * 121, "Hi\r\nBcc: a@example.com", "Hi\nthere", "a\0b"],
            "message": ["", "x" * 5_001, "a\0b"],
        }
        for field, values in bad.items():
            for value in values:
                with self.subTest(field=field, value=value[:40]):
                    response = self.post(**{field: value})
                    self.assertEqual(response.status_code, 200)
                    self.assertTrue(response.context["form"].errors[field])
                    self.assertNoMailSent()

    def test_takes_letters_of_every_kind(self):
        self.post(
            name="Ólafur 茶",
            email="tee@bücher.example",
            subject="Grün 🍵",
            message="茶\n" * 9,
        )
        mail = self.mailbox.one(subject="[Fern & Kettle] Grün 🍵")
        self.assertEqual(mail.headers["Reply-To"], "tee@xn--bcher-kva.example")

    def test_answers_an_empty_post_with_an_error_for_each_field(self):
        response = self.client.post(reverse("contact"), {})
        self.assertEqual(set(response.context["form"].errors), set(GOOD))

    def test_refuses_a_post_without_the_csrf_token(self):
        client = self.client_class(enforce_csrf_checks=True)
        self.assertEqual(client.post(reverse("contact"), GOOD).status_code, 403)
        self.assertNoMailSent()

    def test_keeps_the_visitors_words_when_the_mail_server_is_down(self):
        nobody_there = {
            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1},
        }
        with override_settings(MAILERS={"default": nobody_there}):
            response = self.post()
        self.assertContains(response, "could not be sent")
        self.assertContains(response, "I would like two tins.")

    def test_shows_a_visitor_who_the_managers_are_only_while_developing(self):
        for debug in (True, False):
            with (
                override_settings(DEBUG=debug),
                patch("website.views.contact.send_and_report") as send,
            ):
                send.return_value.error = None
                response = self.post()
            self.assertEqual("show_answers" in response.context, True)
            self.assertEqual(response.context["show_answers"], debug)
