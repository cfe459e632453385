"""Every page for visitors and every mail of ours, as one visitor and one reader see them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.test.signals import template_rendered
from django.utils import translation
from verification_stage import Visitor, links_of, make_user, newest_link, own_fields

from django_mailplus.suppression import (
    Reason,
    preferences_url,
    suppress,
    unsubscribe_url,
)
from django_mailplus.templated.password_reset import PasswordResetForm
from django_mailplus.verification import (
    send_account_exists_email,
    send_verification_email,
    start_email_change,
    verify_email_address,
)

ADDRESSES = re.compile(r"\S+[@/.]\w\S*")
WORD = re.compile(r"[^\W\d_]+")


def without_tags(html):
    return re.sub(r"<style>.*?</style>|<[^>]*>", "", html, flags=re.S)


@dataclass
class Tour:
    """Walks through all of it in one language; needs a database."""

    language: str
    texts: list[str] = field(default_factory=list)
    templates: set[str] = field(default_factory=set)

    def __post_init__(self):
        # Of digits, so that no name is taken for a word.
        number = get_user_model().objects.count() * 10 + 1
        self.user = make_user(str(number), f"{number}@example.com")
        self.visitor = Visitor(Client())
        template_rendered.connect(self._rendered)
        try:
            with translation.override(self.language):
                self.verify()
                self.change()
                self.report()
                self.other_mails()
                self.reset_password()
                self.unsubscribe()
        finally:
            template_rendered.disconnect(self._rendered)
        for message in mail.outbox:
            html = message.alternatives[0][0]
            self.texts += [message.subject, message.body, html]
        mail.outbox.clear()

    def _rendered(self, template, **kwargs):
        if (template.name or "").startswith("mailplus/"):
            self.templates.add(template.name)

    def see(self, page):
        self.texts.append(page.content.decode())
        return page

    def press(self, url, **fields):
        self.see(self.visitor.open(url))
        return self.see(self.visitor.press(url, **fields))

    def login(self, user):
        self.visitor.client.force_login(user)

    def verify(self):
        sent_url = send_verification_email(self.user, method="both").sent_url
        self.see(self.visitor.open(sent_url))
        link, page = newest_link(), self.visitor.page
        fields = own_fields(page) | {"ticket": page.context["ticket"], "code": "0"}
        self.see(self.visitor.send("/verify/code/", **fields))
        for method in ("link", "code"):
            result = send_verification_email(self.user, method=method)
            self.see(self.visitor.open(result.sent_url))
        self.press(link)
        self.see(self.visitor.open(link))
        self.see(self.visitor.open("/verify/no/such/"))
        self.press("/verify/resend/", email="no address")
        for number, email in ((5, "5@example.com"), (6, "")):
            self.login(make_user(f"{self.user.pk}00{number}", email))
            self.see(self.visitor.open("/verify/sent/"))

    def change(self):
        self.login(self.user)
        self.press("/verify/change/", email="no address", password="wrong")
        sent_url = start_email_change(self.user, "7@example.com").sent_url
        self.see(self.visitor.open(sent_url))
        self.see(self.visitor.open("/verify/change/"))
        link = newest_link("change")
        self.login(make_user(f"{self.user.pk}007", ""))
        self.press(link)  # somebody else's
        self.login(self.user)
        self.press(link)
        self.press(newest_link("cancel"))  # when it is done
        start_email_change(self.user, "8@example.com")
        self.press(links_of(mail.outbox[-2])["cancel"])  # before it is done

    def report(self):
        user = make_user(f"{self.user.pk}001", "1@example.com")
        send_verification_email(user)
        self.press(newest_link("report"))
        user = make_user(f"{self.user.pk}002", f"{user.pk}2@example.com")
        send_verification_email(user)
        user.is_active = False
        user.save()
        self.press(newest_link())

    def other_mails(self):
        user = make_user(f"{self.user.pk}003", f"{self.user.pk}3@example.com")
        send_account_exists_email(user.email)
        verify_email_address(user)
        send_account_exists_email(user.email)
        self.press("/verify/resend/", email=f"{self.user.pk}4@example.com")

    def reset_password(self):
        form = PasswordResetForm({"email": self.user.email})
        assert form.is_valid()
        form.save(domain_override="shop.example.com")

    def unsubscribe(self):
        address = f"{self.user.pk}8@example.com"
        for stream in ("news", ""):
            page = urlsplit(unsubscribe_url(address, stream)).path
            self.press(page)
        self.press(page, undo="1")
        suppress(address, reason=Reason.COMPLAINT)
        self.press(urlsplit(preferences_url(address)).path)
        self.see(self.visitor.open("/mail/preferences/x/"))

    def lines(self):
        """The lines that hold words; addresses are none."""
        lines = {
            line.strip(" :\xa0")
            for text in self.texts
            for line in without_tags(text).splitlines()
        }
        return {line for line in lines if WORD.search(ADDRESSES.sub("", line))}
