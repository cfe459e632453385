"""`mailpreview`: a list, one mail, a check for CI, files."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from django_mailplus.viewer import view

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


def test_a_file_shows_its_pictures_without_a_server(pictured, tmp_path):
    run("shop_app.Pictured", "--out", str(tmp_path))
    name = f"{tmp_path}/shop_app.Pictured.ann.en-us"
    page = Path(f"{name}.html").read_text()
    assert 'src="data:image/gif;base64,R0lGODlh' in page
    assert "cid:" not in page
    assert "https://far.example.com/dot.gif" in page
    assert 'src="cid:' in view(Path(f"{name}.eml").read_bytes()).html


def test_a_mail_without_html_gets_no_such_file(app, tmp_path):
    app(
        previews="""
        from django.core.mail import EmailMessage
        from django_mailplus.previews import preview

        @preview
        def plain():
            return EmailMessage("S", "words", to=["ann@example.com"])
        """
    )
    assert "2 files written" in run("shop_app.plain", "--out", str(tmp_path / "out"))


def test_the_check_finds_a_style_that_keeps_css_out_of_the_elements(app, tmp_path):
    pytest.importorskip("css_inline")
    app(MAILS)
    path = tmp_path / "shop_app" / "templates" / "mail" / "hello.html"
    path.write_text(path.read_text().replace("<p>", '<p style="color red">'))
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("mailpreview", "--check", stdout=out, no_color=True)
    [line] = [line for line in out.getvalue().splitlines() if "FAILED" in line]
    assert line.startswith(
        "FAILED  shop_app.Hello ann en-us: refused style: The CSS of mail/hello.html stays"
    )
    assert line.endswith('Correct it. (Unexpected token: Ident("red"))')


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
