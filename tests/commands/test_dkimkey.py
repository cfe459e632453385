"""A key is made once, kept to oneself, and its record printed as often as one likes."""

from __future__ import annotations

import getpass
import io
import re
import stat

import pytest
from django.core.management import CommandError, call_command

from django_mailplus.dkim.keys import dns_record, read_key


def dkimkey(*arguments):
    out = io.StringIO()
    call_command("dkimkey", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "key.pem"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [((), "rsa"), (("--algorithm", "ed25519"), "ed25519")],
)
def test_it_makes_a_key_and_prints_its_record(path, arguments, kind):
    told = dkimkey("example.com", "--selector", "s1", "--out", str(path), *arguments)
    key = read_key(path, domain="example.com", selector="s1")
    name, record = dns_record(key)
    assert f"v=DKIM1; k={kind}; p=" in record
    [zone] = re.findall(rf"^{re.escape(name)}\. IN TXT (.*)$", told, re.M)
    parts = re.findall(r'"([^"]*)"', zone)
    assert "".join(parts) == record
    assert max(map(len, parts)) <= 255
    assert re.search(r"^  name +s1\._domainkey$", told, re.M)
    assert f"  value  {record}" in told
    assert f'"key": "{path}"' in told


def test_nobody_else_can_read_it(path):
    dkimkey("example.com", "--out", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_is_there_stays(path):
    first = dkimkey("example.com", "--selector", "s1", "--out", str(path))
    key = path.read_bytes()
    again = dkimkey("example.com", "--selector", "s1", "--out", str(path))
    assert path.read_bytes() == key
    assert again in first


def test_a_password_is_asked_for_twice(path, monkeypatch):
    answers = iter(["hunter2", "hunter2", "hunter2"])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    told = dkimkey("example.com", "--out", str(path), "--encrypt")
    assert b"ENCRYPTED" in path.read_bytes()
    assert "hunter2" not in told
    assert '"password": ...' in told
    with pytest.raises(CommandError, match="there is no password"):
        dkimkey("example.com", "--out", str(path))
    assert "IN TXT" in dkimkey("example.com", "--out", str(path), "--encrypt")


def test_two_passwords_that_differ_make_no_key(path, monkeypatch):
    answers = iter(["hunter2", "hunter3"])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    with pytest.raises(CommandError, match="not the same"):
        dkimkey("example.com", "--out", str(path), "--encrypt")
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("exa mple",), "no name of the DNS"),
        (("example.com", "--bits", "100"), "."),
        (("example.com", "--out", "keys/key.pem"), "no folder 'keys'.*Make it"),
        (("example.com", "--out", "/proc/key.pem"), "/proc/key.pem cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=words):
        dkimkey(*arguments)
    assert list(tmp_path.iterdir()) == []
