# ruff: noqa: PT009 (unittest's assertions explain themselves under manage.py test)
"""Sign-up, login, password reset, and the test mail to oneself."""

from __future__ import annotations

import re
from unittest.mock import patch

from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError
from django.test import TestCase
from django.urls import reverse

from website.allowance import MAILS_PER_HOUR

PASSWORD = "seven ferns, 1 kettle"  # noqa: S105


class Accounts(TestCase):
    def sign_up(self, email="vera@example.org", password=PASSWORD):
        fields = {"email": email, "password1": password, "password2": password}
        return self.client.post(reverse("sign_up"), fields)

    def test_signing_up_logs_in_under_the_email_address(self):
        self.assertRedirects(self.sign_up("Vera@Example.org"), reverse("account"))
        user = User.objects.get()
        self.assertEqual(
            (user.username, user.email), ("vera@example.org", "Vera@example.org")
        )

    def test_an_address_can_sign_up_once_whatever_its_case(self):
        self.sign_up()
        response = self.sign_up("VERA@example.org")
        self.assertContains(response, "an account with this address already")
        self.assertEqual(User.objects.count(), 1)

    def test_two_sign_ups_at_the_same_moment_give_a_form_error(self):
        with patch("django.contrib.auth.models.User.save", side_effect=IntegrityError):
            response = self.sign_up()
        self.assertContains(response, "an account with this address already")

    def test_bad_addresses_and_passwords_are_form_errors(self):
        for email in (
            "",
            "x",
            "a@example.com\nBcc: b@example.com",
            "a" * 200 + "@example.com",
        ):
            with self.subTest(email[:30]):
                self.assertIn("email", self.sign_up(email).context["form"].errors)
        for password in ("", "short", "12345678901", "vera@example.org"):
            with self.subTest(password):
                self.assertTrue(self.sign_up(password=password).context["form"].errors)
        self.assertEqual(User.objects.count(), 0)

    def test_login_takes_the_address_in_any_case(self):
        self.sign_up()
        self.client.post(reverse("logout"))
        fields = {"username": "VERA@example.org", "password": PASSWORD}
        response = self.client.post(reverse("login"), fields)
        self.assertRedirects(response, reverse("account"))

    def test_login_leads_back_to_the_page_it_was_asked_from_and_to_no_other_site(self):
        self.sign_up()
        for goal, target in {
            "/recipes/headers/": "/recipes/headers/",
            "https://evil.example/": reverse("account"),
        }.items():
            self.client.post(reverse("logout"))
            fields = {
                "username": "vera@example.org",
                "password": PASSWORD,
                "next": goal,
            }
            self.assertRedirects(self.client.post(reverse("login"), fields), target)

    def test_the_account_page_asks_strangers_to_log_in(self):
        self.assertRedirects(
            self.client.get(reverse("account")),
            f"{reverse('login')}?next={reverse('account')}",
        )

    def test_password_reset_mails_a_link_that_works_once(self):
        self.sign_up()
        self.client.post(reverse("logout"))
        self.client.post(reverse("password_reset"), {"email": "vera@example.org"})
        (message,) = mail.outbox
        self.assertEqual(message.to, ["vera@example.org"])
        self.assertEqual(message.subject, "Choose a new password")
        path = re.search(r"^http://testserver(/\S+)$", message.body, re.MULTILINE)[1]
        page = self.client.get(path, follow=True)
        fields = {
            "new_password1": "another 8 words",
            "new_password2": "another 8 words",
        }
        self.assertRedirects(
            self.client.post(page.redirect_chain[-1][0], fields), reverse("account")
        )
        self.assertContains(self.client.get(path), "This link does not work")

    def test_password_reset_says_the_same_to_a_stranger_and_sends_nothing(self):
        response = self.client.post(
            reverse("password_reset"), {"email": "who@example.org"}
        )
        self.assertRedirects(response, reverse("password_reset_done"))
        self.assertEqual(mail.outbox, [])


class TestMail(TestCase):
    def setUp(self):
        cache.clear()
        self.user = User.objects.create(
            username="vera@example.org", email="vera@example.org"
        )

    def test_goes_to_the_users_own_address_whatever_the_form_says(self):
        self.client.force_login(self.user)
        fields = {"recipient": "victim@example.org", "email": "victim@example.org"}
        response = self.client.post(reverse("test_mail"), fields)
        self.assertEqual(response.status_code, 200)
        (message,) = mail.outbox
        self.assertEqual(message.recipients(), ["vera@example.org"])

    def test_is_sent_by_post_alone(self):
        self.client.force_login(self.user)
        self.assertEqual(self.client.get(reverse("test_mail")).status_code, 405)
        self.assertEqual(mail.outbox, [])

    def test_is_not_for_strangers(self):
        self.assertRedirects(self.client.post(reverse("test_mail")), reverse("login"))
        self.assertEqual(mail.outbox, [])

    def test_refuses_a_post_without_the_csrf_token(self):
        client = self.client_class(enforce_csrf_checks=True)
        client.force_login(self.user)
        self.assertEqual(client.post(reverse("test_mail")).status_code, 403)
        self.assertEqual(mail.outbox, [])

    def test_shares_an_hourly_allowance_with_the_recipes(self):
        self.client.force_login(self.user)
        recipe = reverse("recipe", args=["plain-text"])
        for _ in range(MAILS_PER_HOUR // 2):
            self.client.post(reverse("test_mail"))
            self.client.post(recipe, {"recipient": "vera@example.org"})
        for path in (reverse("test_mail"), recipe):
            response = self.client.post(path, {"recipient": "vera@example.org"})
            self.assertContains(response, "Enough for now", status_code=429)
        self.assertEqual(len(mail.outbox), MAILS_PER_HOUR)
