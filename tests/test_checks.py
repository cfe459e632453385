"""Each mistake in the settings is one finding that says how to repair it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from checks_stage import SMTP_PATH, only, our_findings, smtp

from django_mailplus import compat

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
CONSOLE = {"BACKEND": "django.core.mail.backends.console.EmailBackend"}


def stamp(using):
    return {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": using}}


def test_a_sound_configuration_has_no_findings(findings):
    assert findings({"default": stamp("smtp"), "smtp": smtp(use_tls=True)}) == []


@pytest.mark.parametrize(
    ("mailers", "text"),
    [
        (["smtp"], "MAILERS is a list; it takes a dict"),
        ({"default": "smtp"}, r"MAILERS\['default'\] is a str; it takes a dict"),
        ({"default": {"BACKEDN": "x"}}, "has the unknown keys 'BACKEDN'"),
        ({"default": {"OPTIONS": []}}, "has OPTIONS that are not a dict"),
        ({"default": {"BACKEND": 7}}, "has a BACKEND that is not the dotted path"),
    ],
)
def test_e001_shape(findings, mailers, text):
    id_, told = only(findings(mailers))
    assert id_ == "mailplus.E001"
    assert re.search(text, told)


def test_e002_unknown_alias(findings):
    id_, told = only(findings({"default": stamp("smpt"), "smtp": smtp()}))
    assert id_ == "mailplus.E002"
    assert (
        "MAILERS['default']: 'using' names the mailer 'smpt', which is not configured"
        in told
    )
    assert "Did you mean 'smtp'?" in told


def test_e003_a_circle_is_reported_once_with_its_path(findings):
    id_, told = only(
        findings({"default": stamp("a"), "a": stamp("b"), "b": stamp("a")})
    )
    assert id_ == "mailplus.E003"
    assert "a -> b -> a" in told


def test_e004_no_such_backend(findings):
    id_, told = only(findings({"default": {"BACKEND": "no.such.Backend"}}))
    assert id_ == "mailplus.E004"
    assert "No module named 'no'" in told


def test_e004_a_module_is_no_backend(findings):
    id_, told = only(
        findings({"default": {"BACKEND": "django.core.mail.backends.smtp"}})
    )
    assert id_ == "mailplus.E004"
    assert "is not a class" in told


@pytest.mark.parametrize("path", [".", "..x", "a\0b.C"])
def test_e004_a_path_that_python_cannot_read(findings, path):
    id_, told = only(findings({"default": {"BACKEND": path}}, deploy=True))
    assert id_ == "mailplus.E004"
    assert repr(path) in told


def test_e004_a_module_that_fails_to_load(findings, tmp_path, monkeypatch):
    (tmp_path / "fails_to_load.py").write_text("raise RuntimeError('on purpose')\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry = {"BACKEND": "fails_to_load.EmailBackend"}
    id_, told = only(findings({"default": entry}, deploy=True))
    assert id_ == "mailplus.E004"
    assert "RuntimeError: on purpose" in told


def test_e004_the_backend_that_leads_to_mailers_is_no_mailer(findings):
    path = "django_mailplus.backends.default.EmailBackend"
    id_, told = only(findings({"default": {"BACKEND": path}}))
    assert id_ == "mailplus.E004"
    assert "belongs in EMAIL_BACKEND" in told


def test_e004_a_class_that_sends_no_mail(findings):
    id_, told = only(findings({"default": {"BACKEND": "builtins.int"}}))
    assert id_ == "mailplus.E004"
    assert "send_messages()" in told


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (smtp(hots="x"), "Unknown options 'hots'.*host"),
        (
            smtp("django.core.mail.backends.smtp.EmailBackend", hots="x"),
            "Unknown options 'hots'",
        ),
        ({"BACKEND": "example_backends.WithoutAlias"}, "takes no 'alias'.*kwargs"),
        ({**CONSOLE, "OPTIONS": {"steam": 1}}, "Unknown options 'steam'"),
        ({**CONSOLE, "OPTIONS": {"steam": 1, 3: 4}}, "Unknown options 'steam', 3"),
        ({"BACKEND": SMTP_PATH}, "must define 'host'"),
        (
            {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": "b", "wrod": 1}},
            "Unknown options 'wrod'.*word",
        ),
        ({"BACKEND": "example_backends.Stamp"}, "must define 'using'"),
        (
            {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": ["b", "c"]}},
            "'using' names 2 mailers; a wrapper takes exactly one",
        ),
    ],
)
def test_e005_bad_options(findings, entry, text):
    id_, told = only(findings({"default": entry, "b": CONSOLE, "c": CONSOLE}))
    assert id_ == "mailplus.E005"
    assert re.search(text, told)


def test_options_of_foreign_backends_are_left_to_them(findings):
    entry = {"BACKEND": "example_backends.PopsItsOptions", "OPTIONS": {"api_key": "k"}}
    assert findings({"default": entry}) == []


def test_a_method_named_check_of_a_foreign_backend_is_not_ours_to_call(findings):
    assert findings({"default": {"BACKEND": "example_backends.ChecksItself"}}) == []


def test_e006_unknown_key_of_mailplus(findings):
    id_, told = only(findings({"default": CONSOLE}, MAILPLUS={"MAIL_SERVR": "x"}))
    assert id_ == "mailplus.E006"
    assert "Did you mean 'MAIL_SERVER'?" in told


@pytest.mark.parametrize("value", [{"MAIL_SERVER": 8025}, {"MAIL_SERVER": None}, "x"])
def test_e007_type_of_a_key(findings, value):
    id_, told = only(findings({"default": CONSOLE}, MAILPLUS=value))
    assert id_ == "mailplus.E007"
    assert "MAIL_SERVER" in told


def test_e007_a_time_to_keep_mails(findings):
    key = "OUTBOX_KEEP_SENT_DAYS"
    assert findings({"default": CONSOLE}, MAILPLUS={key: None}) == []
    id_, told = only(findings({"default": CONSOLE}, MAILPLUS={key: "never"}))
    assert id_ == "mailplus.E007"
    assert "it takes the type int or None" in told


@pytest.mark.skipif(
    compat.NATIVE, reason="Django 6.1 and later have MAILERS of their own"
)
def test_e008_mailers_without_the_line_that_makes_them_work(findings):
    id_, told = only(findings({"default": CONSOLE}, EMAIL_BACKEND=SMTP_PATH))
    assert id_ == "mailplus.E008"
    assert "EMAIL_BACKEND = 'django_mailplus.backends.default.EmailBackend'" in told


@pytest.mark.skipif(
    compat.NATIVE, reason="Django 6.1 and later have MAILERS of their own"
)
def test_e008_knows_what_django_puts_there_for_tests(findings):
    assert findings({"default": CONSOLE}, EMAIL_BACKEND=LOCMEM) == []


def test_e009_that_line_without_mailers(with_email_settings):
    with_email_settings(EMAIL_BACKEND="django_mailplus.backends.default.EmailBackend")
    assert [id_ for id_, _, _ in our_findings()] == ["mailplus.E009"]


@pytest.mark.parametrize("address", ["webmaster@localhost", "webmaster", ""])
def test_w015_from_without_a_domain(findings, address):
    local = {"default": smtp(host="localhost")}
    assert findings(local, DEFAULT_FROM_EMAIL=address) == []
    remote = {"default": smtp(use_tls=True)}
    id_, told = only(findings(remote, DEFAULT_FROM_EMAIL=address))
    assert id_ == "mailplus.W015"
    assert "DEFAULT_FROM_EMAIL" in told


def test_w015_looks_at_server_email_when_there_are_admins(findings):
    values = {"SERVER_EMAIL": "root@localhost", "ADMINS": ["a@example.com"]}
    id_, told = only(findings({"default": smtp(use_tls=True)}, **values))
    assert id_ == "mailplus.W015"
    assert "SERVER_EMAIL" in told


def test_e020_a_chain_that_ends_in_a_development_backend(findings):
    mailers = {"default": stamp("console"), "console": CONSOLE}
    assert findings(mailers) == []
    id_, told = only(findings(mailers, deploy=True))
    assert id_ == "mailplus.E020"
    assert "default:Stamp(console)" in told


def test_e020_leaves_the_plain_case_to_django_where_it_reports_it(findings):
    found = findings({"default": CONSOLE}, deploy=True)
    assert [id_ for id_, _, _ in found] == ([] if compat.NATIVE else ["mailplus.E020"])


def test_no_two_checks_share_an_id_by_accident():
    package = Path(compat.__file__).parent
    ids = re.findall(
        r'id="(mailplus\.[EW]\d{3})"',
        (package / "checks.py").read_text() + (package / "smtp/options.py").read_text(),
    )
    listed = (package / "checks.py").read_text().split('"""')[1]
    for id_ in {i.removeprefix("mailplus.") for i in ids}:
        number = int(id_[1:])
        assert id_ in listed or 10 <= number <= 18


@pytest.mark.parametrize("using", [["smtp", None], ["smtp", 5], {"smtp", "b"}])
def test_e002_what_is_no_alias_does_not_vanish(findings, using):
    found = findings({"default": stamp(using), "smtp": smtp(use_tls=True)})
    assert any("which is not configured" in text for _, text, _ in found)


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("locmem", {"stream": 1}),
        ("dummy", {"fail_silently": True}),
        ("filebased", {"fail_silently": True}),
    ],
)
def test_e005_options_of_djangos_backends(findings, backend, options):
    path = f"django.core.mail.backends.{backend}.EmailBackend"
    id_, told = only(findings({"default": {"BACKEND": path, "OPTIONS": options}}))
    assert id_ == "mailplus.E005"
    assert (next(iter(options)) in told) != (backend == "filebased")
    assert ("file_path" in told) == (backend == "filebased")


@pytest.mark.skipif(compat.NATIVE, reason="Django 6.1 says so itself")
def test_w017_no_default(findings):
    id_, told = only(findings({"news": CONSOLE}))
    assert id_ == "mailplus.W017"
    assert "'news'" in told


@pytest.mark.parametrize("rate", ["14 per second", ["14/s", "50000/d"]])
def test_e045_a_rate_that_cannot_be_read_stops_no_other_check(findings, rate):
    box = "django_mailplus.backends.outbox.EmailBackend"
    options = {"using": "smtp", "rate": rate}
    found = findings(
        {"default": {"BACKEND": box, "OPTIONS": options}, "smtp": smtp(use_tls=True)}
    )
    told = [text for id_, text, _ in found if id_ == "mailplus.E045"]
    assert len(told) == 1
    assert "it takes a rate such as '14/s'" in told[0]


def test_each_finding_has_a_hint():
    package = Path(compat.__file__).parent
    calls = [
        (path.name, call.lineno, {keyword.arg for keyword in call.keywords})
        for path in package.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and "id" in {k.arg for k in call.keywords}
        if getattr(call.func, "id", "") in ("Error", "Warning")
    ]
    assert len(calls) > 50
    assert [call for call in calls if "hint" not in call[2]] == []
