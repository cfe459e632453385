"""`mailpreview`: a list, one mail, a check for CI, files."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db
pytest_plugins = ["previews.conftest"]

MAILS = '''
from django_mailplus.templated import Mail

class Hello(Mail):
    """Says hello."""
    template = "hello"
    name: str = "Ann"
    number: int = 7

    @classmethod
    def previews(cls):
        return {"Ann": cls(to="ann@example.com")}
'''


def run(*arguments):
    out = StringIO()
    call_command("mailpreview", *arguments, stdout=out, stderr=out, no_color=True)
    return out.getvalue()


def test_the_list(app):
    app(MAILS)
    text = run()
    assert "shop_app.Hello  Says hello.\n  ann\n" in text
    assert "mailplus.verify_address" in text


def test_one_mail_in_some_languages(app, settings):
    app(MAILS)
    text = run("shop_app.Hello", "--language", "de", "--language", "fr")
    assert "── shop_app.Hello · ann · de" in text
    assert "── shop_app.Hello · ann · fr" in text
    assert "Hello Ann\n\nshop.example.com\n" in text


def test_the_check_passes(app, settings):
    settings.LANGUAGES = [("en-us", "English"), ("de", "German")]
    app(MAILS)
    text = run("--check")
    assert "ok  shop_app.Hello ann de" in text
    assert "All is well: 16 renderings, 8 mails." in text


@pytest.mark.parametrize(
    ("mails", "words"),
    [
        (MAILS.replace('"hello"', '"nowhere"'), "shop_app.Hello ann en-us: "),
        (
            MAILS.replace('"ann@example.com"', '"ann@example.com", name="{{ x }}"'),
            "shop_app.Hello ann en-us: ",
        ),
        (
            MAILS.partition("    @classmethod")[0],
            "shop_app.Hello: it has no sample; give its class a previews()",
        ),
        ("import nothing_of_that_name", "shop_app.mails.py: ModuleNotFoundError"),
    ],
)
def test_the_check_fails(app, mails, words):
    app(mails)
    out = StringIO()
    with pytest.raises(CommandError, match=r"^1 failed, of \d renderings of the mails"):
        call_command("mailpreview", "--check", stdout=out, no_color=True)
    assert f"FAILED  {words}" in out.getvalue()


def test_the_check_finds_a_block_that_is_shown_nowhere(app, tmp_path):
    app(MAILS)
    path = tmp_path / "shop_app" / "templates" / "mail" / "hello.html"
    path.write_text(path.read_text().replace("block body", "block content"))
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("mailpreview", "--check", stdout=out, no_color=True)
    assert "The block 'content' of mail/hello.html is shown nowhere" in out.getvalue()


def test_files(app, tmp_path):
    app(MAILS)
    folder = tmp_path / "new" / "folder"
    assert "3 files written" in run("shop_app.Hello", "--out", str(folder))
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        f"shop_app.Hello.ann.en-us.{end}" for end in ("eml", "html", "txt")
    ]
    assert b"To: ann@example.com" in (folder / names[0]).read_bytes()


@pytest.mark.parametrize("arguments", [(), ("--out", "folder")])
def test_a_mail_that_fails_is_told_to_scripts(app, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    app(MAILS.replace('"hello"', '"nowhere"'))
    with pytest.raises(CommandError, match=r"^1 failed, of 1 rendering of the mails"):
        run("shop_app.Hello", *arguments)


def test_a_folder_that_cannot_be_written_to(app, tmp_path):
    app(MAILS)
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written to: "):
        run("shop_app.Hello", "--out", str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shop_app.Helo"], "Did you mean 'shop_app.Hello'?"),
        (["shop_app.Hello", "--case", "an"], "no case 'an'. Did you mean 'ann'?"),
        (["--check", "--language", "dee"], "no language 'dee' in LANGUAGES. Did you"),
    ],
)
def test_mistyped_names(app, arguments, words):
    app(MAILS)
    with pytest.raises(CommandError) as raised:
        run(*arguments)
    assert words in str(raised.value)


def test_a_check_of_nothing_fails(monkeypatch):
    module = "django_mailplus.management.commands.mailpreview"
    monkeypatch.setattr(f"{module}.find_previews", list)
    with pytest.raises(CommandError, match="There are no mails to preview"):
        run("--check")
    assert "There are no mails to preview" in run()
