# ruff: noqa: PT009 (unittest's assertions explain themselves under manage.py test)
"""The recipe pages."""

from __future__ import annotations

import html
import re

from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import SimpleTestCase, TestCase
from django.urls import reverse

from django_mailplus.verification import verify_email_address
from website.highlighting import highlight_python
from website.recipes import plain_text
from website.recipes.registry import RECIPES

MAILS = {
    "plain-text": 1,
    "headers": 1,
    "from-template": 1,
    "attachment": 1,
    "attach-file": 1,
    "inline-image": 1,
    "mass-mail": 3,
    "newsletter": 1,
    "managers": 2,
    "choosing-mailer": 2,
    "refused-recipient": 1,
    "unreachable-server": 1,
    "outbox": 1,
}


class Recipes(TestCase):
    def setUp(self):
        cache.clear()

    def post(self, slug, recipient="customer@example.com"):
        return self.client.post(
            reverse("recipe", args=[slug]), {"recipient": recipient}
        )

    def test_each_sends_its_mails_and_shows_a_result(self):
        self.assertEqual(set(MAILS), set(RECIPES))
        for slug, number in MAILS.items():
            with self.subTest(slug):
                mail.outbox.clear()
                response = self.post(slug)
                self.assertContains(response, 'id="result"')
                self.assertEqual(len(mail.outbox), number)
                self.assertEqual(response.context["outcome"].count, number)

    def test_nothing_is_sent_by_looking(self):
        for slug in RECIPES:
            self.client.get(reverse("recipe", args=[slug]))
        self.assertEqual(mail.outbox, [])

    def test_the_code_shown_is_the_file_that_runs(self):
        response = self.client.get(reverse("recipe", args=["plain-text"]))
        shown = html.unescape(re.sub(r"<[^>]+>", "", response.text))
        with open(plain_text.__file__, encoding="utf-8") as source:  # noqa: PTH123
            code = source.read().partition("import annotations\n")[2].strip()
        self.assertIn(code, shown)

    def test_templates_of_the_mail_are_shown_beside_the_code(self):
        response = self.client.get(reverse("recipe", args=["from-template"]))
        self.assertContains(response, "{% for tea, price in teas %}", count=1)

    def test_no_recipient_can_be_typed(self):
        for slug, recipe in RECIPES.items():
            for recipient in (
                "victim@example.org",
                "",
                "customer@example.com\nBcc: a@example.org",
            ):
                with self.subTest(slug=slug, recipient=recipient):
                    mail.outbox.clear()
                    response = self.post(slug, recipient)
                    if recipe.asks_recipient:
                        self.assertTrue(response.context["form"].errors)
                        self.assertEqual(mail.outbox, [])
                    for message in mail.outbox:
                        for address in message.recipients():
                            self.assertTrue(address.endswith("@example.com"), address)

    def test_a_user_may_choose_the_own_address(self):
        user = User.objects.create(
            username="vera@example.org", email="vera@example.org"
        )
        self.client.force_login(user)
        page = self.post("plain-text", "vera@example.org")
        self.assertEqual(mail.outbox, [])  # an address that is not proved
        self.assertContains(page, "Confirm your address")
        verify_email_address(user)
        self.post("plain-text", "vera@example.org")
        self.assertEqual(mail.outbox[0].recipients(), ["vera@example.org"])

    def test_the_inline_image_is_named_by_the_html_on_every_django(self):
        self.post("inline-image")
        [image] = [
            part for part in mail.outbox[0].message().walk() if "Content-ID" in part
        ]
        self.assertEqual(image.get_content_type(), "image/png")
        self.assertEqual(image.get_content_disposition(), "inline")
        url = f"cid:{image['Content-ID'].strip('<>')}"
        self.assertIn(url, mail.outbox[0].alternatives[0][0])

    def test_an_unknown_recipe_is_not_found(self):
        for path in ("/recipes/nothing/", "/recipes/plain-text/x/", "/recipes/%00/"):
            self.assertEqual(self.client.get(path).status_code, 404)


class Highlighting(SimpleTestCase):
    def test_keeps_every_character_and_escapes_it(self):
        code = 'def f(a: str) -> str:\n    # <b>&\n    return f"{a} <i>" + \'"\'\n'
        highlighted = highlight_python(code)
        self.assertEqual(html.unescape(re.sub(r"</?span[^>]*>", "", highlighted)), code)
        self.assertNotIn("<b>", highlighted)
        self.assertIn('<span class="keyword">def</span>', highlighted)
        self.assertIn('<span class="defined">f</span>', highlighted)
