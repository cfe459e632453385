"""Each mistake in the settings is one finding that says how to repair it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.checks.registry import registry

from django_mailplus import compat

SMTP_PATH = "django_mailplus.backends.smtp.EmailBackend"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
CONSOLE = {"BACKEND": "django.core.mail.backends.console.EmailBackend"}


def smtp(path=SMTP_PATH, **options):
    return {"BACKEND": path, "OPTIONS": {"host": "smtp.example.com", **options}}


def stamp(using):
    return {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": using}}


@pytest.fixture
def findings(with_mailers):
    """The findings about one MAILERS setting, as (id, text, hint)."""

    def findings(mailers, *, deploy=False, **values):
        with_mailers(mailers, **values)
        return our_findings(deploy=deploy)

    return findings


def our_findings(*, deploy=False):
    """What our registered checks say; Django's own may not know the settings of a test."""
    ours = [
        check
        for check in registry.get_checks(include_deployment_checks=deploy)
        if check.__module__ == "django_mailplus.checks"
    ]
    assert len(ours) == (7 if deploy else 5)
    return [(f.id, f.msg, f.hint) for check in ours for f in check(app_configs=None)]


def only(findings):
    [(id_, text, hint)] = findings
    assert hint
    return id_, f"{text} {hint}"


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


@pytest.mark.parametrize(
    ("options", "id_", "text"),
    [
        ({"use_tls": "False"}, "E010", r"\['use_tls'\] is the text 'False'"),
        ({"use_ssl": "0"}, "E010", "env.bool"),
        ({"use_tls": True, "use_ssl": True}, "E011", "exclude each other"),
        ({"host": "smtp://smtp.example.com"}, "E012", "bare name"),
        ({"host": "smtp.example.com:587"}, "E012", "bare name"),
        ({"host": "you@gmail.com"}, "E012", "bare name"),
        ({"host": " smtp.example.com"}, "E012", "white space"),
        ({"host": "smtp .example.com"}, "E012", "white space"),
        ({"host": "smtp.example.com\0"}, "E012", "bare name"),
        ({"host": ""}, "W016", "is empty.*environment"),
        ({"host": 5}, "E012", "takes the name of a server"),
        ({"host": "smtp.google.com"}, "W012", "smtp.gmail.com"),
        ({"port": "587"}, "E013", "whole number"),
        ({"port": 70000}, "E013", "whole number"),
        ({"timeout": "10"}, "E015", "seconds, a number above 0"),
        ({"timeout": 0}, "E015", "seconds, a number above 0"),
        ({"timeout": float("nan")}, "E015", "seconds, a number above 0"),
        ({"timeout": float("inf")}, "E015", "seconds, a number above 0"),
        ({"port": [25]}, "E013", "whole number"),
        (
            {"username": "u", "password": b"secret", "use_tls": True},
            "E016",
            r"\['password'\] is a bytes; it takes text",
        ),
        (
            {"username": "u", "password": "secret\xfc", "use_tls": True},
            "E016",
            "outside ASCII",
        ),
        (
            {"username": "u\xa0", "password": "p", "use_tls": True},
            "E016",
            r"\['username'\].*outside ASCII",
        ),
        ({"pool_size": -1}, "E017", "number of connections, 0 for no pool"),
        ({"pool_size": "3"}, "E017", "number of connections"),
        ({"pool_idle": "60"}, "E017", "seconds, a number, or None"),
        ({"pool_timeout": float("nan")}, "E017", "seconds, a number, or None"),
        ({"pool_messages": 0}, "E017", "number of messages"),
        ({"concurrency": True}, "E017", "1 or more"),
        ({"concurrency": 0}, "E017", "1 or more"),
        ({"token": "no.such", "username": "u"}, "E018", "cannot be imported"),
        ({"token": "secret", "username": "u"}, "E018", r"imported \(ValueError\)"),
        ({"token": "smtplib.CRLF", "username": "u"}, "E018", "cannot be called"),
        ({"token": 5, "username": "u"}, "E018", "is a int"),
        ({"token": print}, "E018", r"needs .*\['username'\]"),
        ({"port": 465}, "W010", "use_ssl.* = True"),
        ({"port": 465, "use_tls": True}, "W010", "remove.*use_tls"),
        ({"port": 587, "use_ssl": True}, "W010", "use_tls.* = True instead"),
        ({"username": "u", "use_tls": True}, "W011", "not log in at all"),
        ({"password": "p", "use_tls": True}, "W011", r"\['username'\]"),
        ({"username": "u", "password": "p"}, "W013", "unencrypted"),
        (
            {"username": "u", "password": "a\xa0b", "use_tls": True},
            "E014",
            "no-break space",
        ),
        (
            {"username": "u", "password": "secret\n", "use_tls": True},
            "W014",
            "white space",
        ),
        (
            {
                "host": "smtp.gmail.com",
                "username": "u",
                "password": "abcd efgh ijkl mnop",
                "use_tls": True,
            },
            "W014",
            "16 letters without spaces",
        ),
    ],
)
@pytest.mark.parametrize(
    "path", [SMTP_PATH, "django.core.mail.backends.smtp.EmailBackend"]
)
def test_mistakes_in_the_options_of_smtp(findings, path, options, id_, text):
    found, told = only(findings({"default": smtp(path, **options)}))
    assert found == f"mailplus.{id_}"
    assert re.search(text, told)
    assert "secret" not in told
    assert "abcd" not in told


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_plain_log_in_to_this_machine_is_fine(findings, host):
    assert findings({"default": smtp(host=host, username="u", password="p")}) == []


@pytest.mark.parametrize("host", ["2001:db8::1", "[2001:db8::1]", "müller.example"])
def test_addresses_and_international_names_are_hosts(findings, host):
    assert findings({"default": smtp(host=host, use_tls=True)}) == []


def test_email_settings_are_checked_and_named_as_such(with_email_settings):
    with_email_settings(
        EMAIL_BACKEND=SMTP_PATH, EMAIL_HOST="smtp.google.com", EMAIL_USE_TLS="False"
    )
    found = {id_: text for id_, text, _ in our_findings()}
    assert set(found) == {"mailplus.E010", "mailplus.W012"}
    assert "EMAIL_USE_TLS is the text 'False'" in found["mailplus.E010"]


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


def test_e012_shows_no_password(findings):
    host = "smtp://user:s3cret@smtp.example.com"
    _, told = only(findings({"default": smtp(host=host, use_tls=True)}))
    assert "smtp://****@smtp.example.com" in told
    assert "s3cret" not in told


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
