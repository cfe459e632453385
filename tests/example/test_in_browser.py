"""Somebody signs up at the running example, in a real browser, on a phone and a desk."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"
KEPT = ("PATH", "HOME", "LANG")
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
LINK = re.compile(r"^ +(http://\S+/verify/(?!report)[\w=-]+/[\w-]+/)$", re.M)


class Demo:
    """`manage.py demo`, and what it has printed."""

    def __init__(self, folder):
        self._lines: Queue[str] = Queue()
        self.text = ""
        self._process = subprocess.Popen(
            [sys.executable, "-u", "manage.py", "demo"],
            cwd=EXAMPLE,
            env={
                **{name: os.environ[name] for name in KEPT if name in os.environ},
                "DATABASE_URL": f"sqlite:///{folder / 'demo.sqlite3'}",
                "PYTHONPATH": str(EXAMPLE.parent),
                "NO_COLOR": "1",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line)

    def wait_for(self, pattern, seconds=30):
        """The first match in the output, as soon as it is there."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            try:
                self.text += self._lines.get(timeout=max(0, end - time.monotonic()))
            except Empty:
                pytest.fail(f"{pattern} is not in the output: {self.text}")
        return found[1]

    def stop(self):
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture
def demo(tmp_path):
    demo = Demo(tmp_path)
    yield demo
    demo.stop()


@pytest.mark.parametrize("size", SIZES)
def test_sign_up_open_the_mails_link_press_the_button(chromium, demo, size):
    site = demo.wait_for(r"Open (http://\S+) in your browser")
    width, height = SIZES[size]
    page = chromium.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(15_000)
    complaints = []
    page.on("console", lambda told: complaints.append(told.text))
    page.goto(f"{site}/account/sign-up/")
    page.get_by_label("Email address").fill("vera@example.com")
    page.get_by_label("Password", exact=False).first.fill("a kettle and 9 ferns")
    page.get_by_label("Password confirmation").fill("a kettle and 9 ferns")
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("heading", name="Check your mail").wait_for()
    page.goto(demo.wait_for(LINK))
    page.get_by_role("button", name="Yes, confirm it").click()
    page.get_by_role("button", name="Send me a test mail").wait_for()
    page.goto(f"{site}/members/")
    page.get_by_role("heading", name="Members only").wait_for()
    too_wide = (
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    assert not page.evaluate(too_wide)
    assert complaints == []
    page.context.close()


def test_the_mail_slides_into_the_open_inbox_and_is_one_click_away(chromium, demo):
    site = demo.wait_for(r"Open (http://\S+) in your browser")
    browser = chromium.new_context(viewport={"width": 1280, "height": 800})
    browser.set_default_timeout(15_000)
    inbox = browser.new_page()
    complaints = []
    inbox.on("console", lambda told: complaints.append(told.text))
    inbox.goto(f"{site}/mail/")
    inbox.get_by_role("heading", name="Nothing has been sent yet").wait_for()
    page = browser.new_page()
    page.goto(f"{site}/account/sign-up/")
    page.get_by_label("Email address").fill("vera@example.com")
    page.get_by_label("Password", exact=False).first.fill("a kettle and 9 ferns")
    page.get_by_label("Password confirmation").fill("a kettle and 9 ferns")
    page.get_by_role("button", name="Create account").click()
    with browser.expect_page() as opened:
        inbox.get_by_role("link", name="Confirm my address", exact=True).click()
    opened.value.get_by_role("button", name="Yes, confirm it").click()
    opened.value.get_by_role("button", name="Send me a test mail").wait_for()
    assert complaints == []
    inbox.get_by_role("link", name="Previews").click()
    order = inbox.frame_locator('iframe[title^="OrderMail"]').first
    order.get_by_text("Sencha, 100 g").wait_for()
    browser.close()
