"""The tutorial, built as it says: its project sends mail and verifies an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from docs_stage import BLOCKS, Block, of, python

from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer
from django_mailplus.viewer import view

SIGN_UP = """
from django.test import Client
page = Client(SERVER_NAME="localhost").get("/")
assert page.status_code == 200, page.status_code
form = {"name": "Ann", "email": "ann@example.com", "text": "Hello"}
answer = Client(SERVER_NAME="localhost").post("/", form)
assert answer.status_code == 302, answer.content

ann = Client(SERVER_NAME="localhost")
assert ann.get("/sign-up/").status_code == 200
password = "ragged-onion-71"
form = {
    "username": "ann", "email": "ann@example.com",
    "password1": password, "password2": password,
}
answer = ann.post("/sign-up/", form, follow=True)
assert b"Check your mail" in answer.content, answer.content
answer = ann.get("/members/", follow=True)
assert b"Check your mail" in answer.content, answer.content
print(ann.cookies["sessionid"].value)
"""
VERIFY = """
import re
from django.test import Client
ann = Client(SERVER_NAME="localhost")
ann.cookies["sessionid"] = session
question = ann.get(link).content.decode()
form_token = re.search('name="form_token" value="([^"]+)"', question)[1]
assert b"Check your mail" in ann.get("/members/", follow=True).content
answer = ann.post(link, {"form_token": form_token}, follow=True)
assert b"Thank you" in answer.content, answer.content
assert b"Welcome, ann." in ann.get("/members/").content
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project of the tutorial, in a folder, sending to the server of the test."""

    folder: Path

    def manage(self, *arguments: str) -> str:
        ran = python(
            *("-W", "error", "manage.py", *arguments),
            folder=self.folder,
            DJANGO_SETTINGS_MODULE="shop.settings",
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def shell(self, code: str) -> str:
        """What the code prints; a line about automatic imports comes before it."""
        lines = self.manage("shell", "--verbosity", "0", "-c", code).split()
        return lines[-1] if lines else ""

    def write(self, block: Block, port: int) -> None:
        _, name, *append = block.how.split(" ")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if append else ""
        code = block.code.replace("8025", str(port))
        path.write_text(f"{before}\n{code}" if before else code)


def test_the_tutorial_builds_a_project_that_sends_and_verifies(tmp_path: Path) -> None:
    for command in ("startproject shop .", "startapp contact", "startapp members"):
        made = python("-m", "django", *command.split(), folder=tmp_path)
        assert made.returncode == 0, made.stderr
    project = Project(folder=tmp_path)
    mails: list[ReceivedMail] = []
    with MailServer(
        "127.0.0.1", 0, on_message=mails.append, fail={"nobody@example.com": 550}
    ) as server:
        for block in (b for b in BLOCKS if b.how.startswith("file ")):
            project.write(block, server.port)
        project.manage("check", "--fail-level", "WARNING")
        project.manage("migrate")
        session = project.shell(SIGN_UP)
        project.manage("sendtestemail", "ann@example.com")
        form_mail, link_mail, test_mail = mails
        link = re.search(r"http://127.0.0.1:8000(/verify/\S+)", _text(link_mail))
        assert link is not None
        project.shell(f"link, session = {link[1]!r}, {session!r}\n{VERIFY}")
        for block in of("shell"):
            assert project.shell(block.code) == block.how.split(" ")[1]
        assert "Found 1 test" in project.manage("test")
        assert len(mails) == 3
    assert b"Reply-To: ann@example.com" in form_mail.raw
    assert test_mail.rcpt_to == ("ann@example.com",)


def _text(received: ReceivedMail) -> str:
    return view(received.raw).text
