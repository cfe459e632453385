"""The tests in the guide are tests of the example project, and pass; the reference is whole."""

from __future__ import annotations

import inspect
import os
import re
from typing import get_args

import pytest
from docs_stage import DOCS, ROOT, Block, of, python

from django_mailplus import pytest_plugin
from django_mailplus.testing import (
    BackendContract,
    MailAssertionsMixin,
    Mailbox,
    SentMail,
    SmtpServer,
)
from django_mailplus.testing.behaviour import Behaviour
from django_mailplus.testing.criteria import Criteria
from django_mailplus.testing.faults import Step

REFERENCE = (DOCS / "reference" / "testing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", of("tests"), ids=lambda block: block.name)
def test_the_tests_of_the_guide_pass(block: Block, tmp_path):
    (tmp_path / "test_page.py").write_text(block.code)
    update = ["--mail-snapshot-update"] if "snapshots" in block.how else []
    for options in (update, []):
        ran = python(
            *("-m", "pytest", "-p", "pytest_django.plugin"),
            *(
                "-p",
                "django_mailplus.pytest_plugin",
                "--ds",
                "config.settings",
                *options,
            ),
            folder=tmp_path,
            PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
            PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / "example_project")]),
            DATABASE_URL="sqlite://:memory:",
        )
        assert ran.returncode == 0, ran.stdout
        assert " passed" in ran.stdout


def documented(heading):
    part = re.split(rf"^## {heading}$", REFERENCE, flags=re.M)[1]
    return set(
        re.findall(r"^\| `([^`]+)` \|", re.split(r"^## ", part, flags=re.M)[0], re.M)
    )


def public(*classes):
    """What a class has, and what its instances begin with, without what is for itself."""
    return {
        name
        for cls in classes
        for name in {
            *vars(cls),
            *re.findall(r"self\.(\w+)\b(?=.* = )", _beginning(cls)),
        }
        if not name.startswith("_")
    }


def _beginning(cls):
    return inspect.getsource(cls.__init__) if "__init__" in vars(cls) else ""


def test_the_reference_names_all_there_is():
    assert documented("Fixtures") == set(pytest_plugin.__all__)
    assert documented("Criteria") == set(Criteria.__annotations__)
    assert documented("Mailbox") == public(Mailbox)
    assert documented("SentMail") == public(SentMail) - {"of"}
    internal = {"faults", "username", "password", "tls", "stopped", "offered"}
    assert documented("SmtpServer") == public(SmtpServer, Behaviour) - internal
    assert documented("MailAssertionsMixin") == public(MailAssertionsMixin)
    contract = {
        name for name in public(BackendContract) if not name.startswith("test_")
    }
    own = {"mailer", "setUp", "send"}
    assert documented("BackendContract") == contract - own | {"mailer"}


def test_the_reference_names_every_step():
    steps = re.search(r"^Steps, .*?: (.*?) and", REFERENCE, re.M | re.S)[0]
    assert set(re.findall(r'"(\w+)"', steps)) | {"quit"} == set(get_args(Step))


def test_the_reference_names_the_option(pytestconfig):
    assert documented("Options") == {pytest_plugin._UPDATE}
    assert pytestconfig.getoption(pytest_plugin._UPDATE) in (True, False)
