# ruff: noqa: PT009 (unittest's assertions explain themselves under manage.py test)
"""Rules that hold for every page."""

from __future__ import annotations

import re
from pathlib import Path

from django.contrib.auth.models import User
from django.test import SimpleTestCase, TestCase
from django.urls import reverse

from django_mailplus.verification import verify_email_address
from website.middleware import CONTENT_SECURITY_POLICY
from website.recipes.registry import RECIPES

STYLE = Path(__file__).parent.parent / "static" / "website" / "style.css"

PAGES = [
    reverse("home"),
    reverse("contact"),
    reverse("account"),
    reverse("members"),
    reverse("mailplus:email_change"),
    reverse("mailplus:verify_email_done"),
    reverse("mailplus:verify_email_resend"),
    reverse("password_reset"),
    reverse("password_reset_done"),
    reverse("password_reset_confirm", args=["x", "y"]),
    *(reverse("recipe", args=[slug]) for slug in RECIPES),
]
PAGES_FOR_STRANGERS = [reverse("login"), reverse("sign_up")]


class EveryPage(TestCase):
    def pages(self):
        for path in PAGES_FOR_STRANGERS:
            yield path, self.client.get(path)
        user = User.objects.create(username="a@example.com", email="a@example.com")
        self.client.force_login(user)
        path = reverse("mailplus:verify_email_sent")
        yield path, self.client.get(path)
        verify_email_address(user)
        for path in PAGES:
            yield path, self.client.get(path)

    def test_is_there_and_carries_the_security_headers(self):
        for path, response in self.pages():
            with self.subTest(path):
                self.assertEqual(response.status_code, 200)
                self.assertEqual(
                    response["Content-Security-Policy"], CONTENT_SECURITY_POLICY
                )
                self.assertEqual(response["Referrer-Policy"], "same-origin")

    def test_needs_no_inline_style_no_script_and_no_other_host(self):
        for path, response in self.pages():
            with self.subTest(path):
                # The listings show HTML, escaped; only real tags count.
                self.assertNotRegex(
                    response.text, r"<script|<style|<[^>]* (style|on\w+)="
                )
                self.assertNotRegex(response.text, r'<[^>]* (href|src)="(https?:)?//')

    def test_gives_every_field_a_label_and_every_form_a_token(self):
        for path, response in self.pages():
            with self.subTest(path):
                fields = re.findall(
                    r"<(?:input|textarea|select)\b[^>]*>", response.text
                )
                for field in fields:
                    if 'type="hidden"' not in field:
                        field_id = re.search(r'id="([^"]+)"', field)[1]
                        self.assertIn(f'for="{field_id}"', response.text)
                for form in response.text.split('method="post"')[1:]:
                    self.assertRegex(form, "csrfmiddlewaretoken|form_token")

    def test_has_one_heading_of_the_first_level_and_a_skip_link(self):
        for path, response in self.pages():
            with self.subTest(path):
                self.assertEqual(response.text.count("<h1"), 1)
                self.assertIn('href="#content"', response.text)
                self.assertNotIn(
                    "None",
                    re.sub(
                        r"<pre.*?</pre>|<code>None", "", response.text, flags=re.DOTALL
                    ),
                )


class Home(TestCase):
    def test_links_to_every_recipe_and_names_every_mailer(self):
        response = self.client.get(reverse("home"))
        for slug in RECIPES:
            self.assertContains(response, f'href="{reverse("recipe", args=[slug])}"')
        for alias in ("default", "newsletter", "unreachable"):
            self.assertContains(response, alias)


class Forms(TestCase):
    def test_in_another_encoding_than_utf_8_are_a_bad_request(self):
        for charset in ("utf-16", "zlib", "undefined", "rot13", "latin-1"):
            with self.subTest(charset):
                content_type = f"multipart/form-data; boundary=x; charset={charset}"
                response = self.client.generic(
                    "POST", reverse("contact"), b"--x--", content_type
                )
                self.assertEqual(response.status_code, 400)


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Colours(SimpleTestCase):
    def test_of_text_are_readable_in_light_and_in_dark(self):
        palettes = [
            dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
            for block in re.findall(
                r":root \{(.*?)\}", STYLE.read_text("utf-8"), re.DOTALL
            )
        ]
        self.assertEqual(len(palettes), 2)
        pairs = [
            (text, ground)
            for text in ("ink", "muted", "accent", "good", "partly", "bad")
            for ground in ("paper", "card")
        ]
        pairs += [
            (text, "listing")
            for text in ("ink", "muted", "keyword", "string", "defined")
        ]
        pairs += [("on-accent", "accent")]
        for palette in palettes:
            for text, ground in pairs:
                with self.subTest(text=palette[text], ground=palette[ground]):
                    darker, lighter = sorted(
                        [luminance(palette[text]), luminance(palette[ground])]
                    )
                    # WCAG 2.2, success criterion 1.4.3
                    self.assertGreaterEqual((lighter + 0.05) / (darker + 0.05), 4.5)
