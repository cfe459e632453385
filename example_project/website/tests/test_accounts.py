# ruff: noqa: PT009 (unittest's assertions explain themselves under manage.py test)
"""Sign-up, login, password reset, the members' page, and the test mail to oneself."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import TestCase, override_settings
from django.urls import reverse

from django_mailplus.testing import MailAssertionsMixin
from django_mailplus.verification import (
    is_email_verified,
    start_email_change,
    unverify_email_address,
    verify_email_address,
)
from website.allowance import MAILS_PER_HOUR

PASSWORD = "seven ferns, 1 kettle"  # noqa: S105


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
class Accounts(MailAssertionsMixin, TestCase):
    def sign_up(self, email="vera@example.org", password=PASSWORD):
        fields = {"email": email, "password1": password, "password2": password}
        return self.client.post(reverse("sign_up"), fields)

    def test_signing_up_mails_a_link_and_a_code(self):
        response = self.sign_up("Vera@Example.org")
        self.assertContains(self.client.get(response.url), "Check your mail")
        user = User.objects.get()
        self.assertEqual(
            (user.username, user.email), ("vera@example.org", "Vera@example.org")
        )
        self.assertFalse(is_email_verified(user))
        mail = self.mailbox.one()
        self.assertEqual(mail.to, ["Vera@example.org"])
        self.assertRegex(mail.code(), r"^\d{6}$")
        self.assertContains(mail.click(self.client), "Vera@example.org")
        self.assertMailPartsAgree(mail)

    def test_nobody_learns_whether_an_address_is_taken(self):
        pages = []
        for address in ("vera@example.org", "VERA@example.org"):
            response = self.sign_up(address)
            self.assertEqual(response.status_code, 302)
            page = self.client.get(response.url).text
            page = re.sub(r'(value|wait)="[^"]+"|[vV]…', "", page)
            pages.append((page, sorted(self.client.cookies)))
            self.client.cookies.clear()
        self.assertEqual(pages[0], pages[1])
        self.assertEqual(User.objects.count(), 1)

    def test_the_owner_of_a_taken_address_is_told(self):
        User.objects.create(username="vera@example.org", email="vera@example.org")
        self.sign_up("VERA@example.org")
        mail = self.mailbox.one(subject="have an account")
        self.assertEqual(mail.to, ["vera@example.org"])

    def test_an_address_is_taken_whatever_the_user_name_says(self):
        User.objects.create_superuser("admin", "boss@example.org", PASSWORD)
        self.sign_up("Boss@example.org")
        self.mailbox.one(subject="have an account")
        self.assertEqual(User.objects.count(), 1)

    def press_the_button(self, mail, page):
        """Open the link of a mail and do what its page asks for."""
        question = mail.click(self.client, pattern=f"/verify/{page}/")
        form = {"form_token": question.context["form_token"]}
        with self.captureOnCommitCallbacks(execute=True):
            return self.client.post(question.request["PATH_INFO"], form)

    def change_address(self, old, new):
        user = User.objects.create_user(old, old, PASSWORD)
        verify_email_address(user)
        self.client.force_login(user)
        start_email_change(user, new, base_url="http://127.0.0.1:8000")
        self.press_the_button(self.mailbox.latest(), "change")
        user.refresh_from_db()
        return user

    def assert_logs_in(self, user, address):
        self.client.logout()
        fields = {"username": address, "password": PASSWORD}
        self.client.post(reverse("login"), fields)
        self.assertEqual(self.client.session.get("_auth_user_id"), str(user.pk))

    def test_the_name_follows_a_change_of_address(self):
        user = self.change_address("old@example.org", "New@example.org")
        self.assertEqual(
            (user.username, user.email), ("new@example.org", "New@example.org")
        )
        self.assert_logs_in(user, "NEW@example.org")

    def test_who_takes_an_address_back_logs_in_with_it_though_the_name_is_taken(self):
        user = self.change_address("old@example.org", "thief@example.org")
        notice = self.mailbox.latest()
        self.sign_up("old@example.org", "the words of a thief")
        self.press_the_button(notice, "cancel")
        self.assert_logs_in(user, "old@example.org")

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
        self.mailbox.clear()
        self.client.post(reverse("password_reset"), {"email": "vera@example.org"})
        self.assertNoMailSent()  # an address that is not proved
        verify_email_address(User.objects.get())
        self.client.post(reverse("password_reset"), {"email": "vera@example.org"})
        mail = self.mailbox.one(to="vera@example.org", subject="A new password for ")
        page = mail.click(self.client)
        fields = {
            "new_password1": "another 8 words",
            "new_password2": "another 8 words",
        }
        self.assertRedirects(
            self.client.post(page.redirect_chain[-1][0], fields), reverse("account")
        )
        self.assertContains(mail.click(self.client), "This link does not work")

    def test_password_reset_says_the_same_to_a_stranger_and_sends_nothing(self):
        response = self.client.post(
            reverse("password_reset"), {"email": "who@example.org"}
        )
        self.assertRedirects(response, reverse("password_reset_done"))
        self.assertNoMailSent()


class Members(TestCase):
    def test_are_people_with_a_verified_address(self):
        user = User.objects.create(username="v", email="vera@example.org")
        path = reverse("members")
        self.assertRedirects(self.client.get(path), f"{reverse('login')}?next={path}")
        self.client.force_login(user)
        self.assertRedirects(
            self.client.get(path), reverse("mailplus:verify_email_sent")
        )
        verify_email_address(user)
        self.assertContains(self.client.get(path), "You read mail at vera@example.org")


class TestMail(MailAssertionsMixin, TestCase):
    def setUp(self):
        cache.clear()
        self.user = User.objects.create(
            username="vera@example.org", email="vera@example.org"
        )
        verify_email_address(self.user)

    def test_waits_until_the_address_is_proved(self):
        unverify_email_address(self.user)
        self.client.force_login(self.user)
        self.assertRedirects(
            self.client.post(reverse("test_mail")),
            reverse("mailplus:verify_email_sent"),
        )
        self.assertNoMailSent()
        self.assertContains(self.client.get(reverse("account")), "not confirmed yet")
        recipe = reverse("recipe", args=["plain-text"])
        self.assertNotContains(self.client.get(recipe), "vera@example.org")

    def test_goes_to_the_users_own_address_whatever_the_form_says(self):
        self.client.force_login(self.user)
        fields = {"recipient": "victim@example.org", "email": "victim@example.org"}
        response = self.client.post(reverse("test_mail"), fields)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self.mailbox.one().recipients, ("vera@example.org",))

    def test_is_sent_by_post_alone(self):
        self.client.force_login(self.user)
        self.assertEqual(self.client.get(reverse("test_mail")).status_code, 405)
        self.assertNoMailSent()

    def test_is_not_for_strangers(self):
        self.assertRedirects(self.client.post(reverse("test_mail")), reverse("login"))
        self.assertNoMailSent()

    def test_refuses_a_post_without_the_csrf_token(self):
        client = self.client_class(enforce_csrf_checks=True)
        client.force_login(self.user)
        self.assertEqual(client.post(reverse("test_mail")).status_code, 403)
        self.assertNoMailSent()

    def test_shares_an_hourly_allowance_with_the_recipes(self):
        self.client.force_login(self.user)
        recipe = reverse("recipe", args=["plain-text"])
        for _ in range(MAILS_PER_HOUR // 2):
            self.client.post(reverse("test_mail"))
            self.client.post(recipe, {"recipient": "vera@example.org"})
        for path in (reverse("test_mail"), recipe):
            response = self.client.post(path, {"recipient": "vera@example.org"})
            self.assertContains(response, "Enough for now", status_code=429)
        self.assertEqual(len(self.mailbox), MAILS_PER_HOUR)
