"""Takes the pictures of README and docs anew, from the running example.

    python tests/maintenance/screenshots.py

It needs Chromium and Playwright, and writes docs/images/*.png.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "example_project"
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1120, "height": 640}
PASSWORD = "a kettle and 9 ferns"


@contextmanager
def demo(folder: str) -> Iterator[str]:
    """The address of the example, with a database that is gone afterwards."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder}/demo.sqlite3",
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-u", "manage.py", "demo"],
        cwd=EXAMPLE,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"Open (http://\S+) in", line):
                yield found[1]
                break
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        process.wait(20)


def take(browser: Any, site: str) -> None:
    context = browser.new_context(viewport=SIZE, color_scheme="light")
    page = context.new_page()
    page.goto(f"{site}/account/sign-up/")
    page.get_by_label("Email address").fill("vera@example.com")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.goto(f"{site}/mail/")
    with context.expect_page() as opened:
        page.locator(".mail .go").first.click()
    confirm = opened.value
    confirm.get_by_role("button", name="Yes, confirm it").click()
    for name in ("attach-file", "from-template"):
        confirm.goto(f"{site}/recipes/{name}/")
        confirm.get_by_role("button", name=re.compile("send", re.I)).first.click()
        confirm.wait_for_load_state()
    confirm.close()
    page.locator(".mail").nth(2).wait_for()
    page.locator(".mail .open").first.click()
    page.frame_locator("iframe").get_by_role("heading").first.wait_for()
    shoot(page, "inbox")
    page.goto(f"{site}/mail/previews/")
    page.locator(".window").first.wait_for()
    page.wait_for_load_state("networkidle")
    shoot(page, "previews")


def shoot(page: Any, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")
    print(f"{name}.png")


def main() -> None:
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        demo(folder) as site,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), chromium_sandbox=False
        )
        take(browser, site)
        browser.close()


if __name__ == "__main__":
    main()
