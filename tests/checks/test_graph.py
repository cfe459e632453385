"""Mistakes in how mailers are put together, told before the first mail."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

PATHS = {
    name: f"django_mailplus.backends.{name}.EmailBackend"
    for name in (
        "smtp",
        "outbox",
        "failover",
        "roundrobin",
        "redirect",
        "ratelimit",
        "route",
    )
}
DJANGO = "django.core.mail.backends"
TEAM = {"to": "team@example.com"}


def mailer(kind, using=None, **options):
    if using is not None:
        options["using"] = using
    if kind == "smtp":
        options["host"] = "smtp.example.com"
    return {"BACKEND": PATHS.get(kind, kind), "OPTIONS": options}


@pytest.fixture
def found(with_mailers):
    def found(mailers, *, deploy=False, environment="", **values):
        with_mailers(mailers, MAILPLUS={"ENVIRONMENT": environment}, **values)
        return {
            (finding.id, finding.msg)
            for finding in run_checks(tags=["mail"], include_deployment_checks=deploy)
            if finding.id.startswith("mailplus.")
            and finding.id[-3:-1] in ("05", "07")
            and finding.id != "mailplus.E005"
        }

    return found


def only(findings):
    [(id_, text)] = findings
    return id_.removeprefix("mailplus."), text


def test_what_is_put_together_well_finds_nothing(found):
    assert not found(
        {
            "default": mailer("outbox", "guard"),
            "guard": mailer("redirect", "both", **TEAM),
            "both": mailer("failover", ["one", "two"]),
            "one": mailer("smtp"),
            "two": mailer("smtp"),
        }
    )


def test_an_outbox_behind_an_outbox(found):
    id_, text = only(
        found(
            {
                "default": mailer("outbox", "again"),
                "again": mailer("outbox", "smtp"),
                "smtp": mailer("smtp"),
            }
        )
    )
    assert id_ == "E050"
    assert "'default'" in text
    assert "'again'" in text


def test_a_router_of_one(found):
    mailers = {"default": mailer("roundrobin", ["smtp"]), "smtp": mailer("smtp")}
    id_, text = only(found(mailers))
    assert id_ == "W050"
    assert "default:roundrobin(smtp)" in text


def test_two_ways_to_one_server(found):
    id_, text = only(
        found(
            {
                "default": mailer("failover", ["smtp", "other"]),
                "other": mailer("redirect", "smtp", **TEAM),
                "smtp": mailer("smtp"),
            }
        )
    )
    assert id_ == "W051"
    assert "reaches 'smtp' in several ways" in text


def test_mailers_that_do_not_stand_in_for_each_other_may_end_in_one(found):
    mailers = {
        "default": mailer("route", ["smtp", "other"], routes={"a.org": "other"}),
        "other": mailer("redirect", "smtp", **TEAM),
        "smtp": mailer("smtp"),
    }
    assert not found(mailers)


@pytest.mark.parametrize("kind", ["failover", "outbox"])
def test_silence_where_somebody_listens(found, kind):
    using = ["loud", "mute"] if kind == "failover" else "mute"
    id_, text = only(
        found(
            {
                "default": mailer(kind, using),
                "loud": mailer("smtp"),
                "mute": mailer("smtp", fail_silently=True),
            }
        )
    )
    assert id_ == "W052"
    assert text.startswith("MAILERS['mute'] fails silently")


def test_a_redirect_that_mail_in_the_outbox_has_passed(found):
    id_, text = only(
        found(
            {
                "default": mailer("redirect", "store", **TEAM),
                "store": mailer("outbox", "smtp"),
                "smtp": mailer("smtp"),
            }
        )
    )
    assert id_ == "W053"
    assert "before 'store' keeps it" in text


@pytest.mark.parametrize("word", ["production", "Production"])
def test_production_mails_real_people(found, word):
    mailers = {"default": mailer("redirect", "smtp", **TEAM), "smtp": mailer("smtp")}
    ask = {"deploy": True, "environment": word}
    assert only(found(mailers, **ask)) == (
        "W054",
        "MAILERS['default'] redirects mail in production.",
    )
    assert not found({"default": mailer("smtp")}, **ask)


def test_no_other_environment_does(found):
    ask = {"deploy": True, "environment": "staging"}
    findings = found(
        {
            "default": mailer("failover", ["guard", "smtp"]),
            "guard": mailer("redirect", "box", **TEAM),
            "box": mailer(f"{DJANGO}.console.EmailBackend"),
            "smtp": mailer("smtp"),
        },
        **ask,
    )
    id_, text = only(findings)
    assert id_ == "W055"
    assert text.startswith("MAILERS['default'] mails real people through 'smtp'")
    assert not found({"default": mailer(f"{DJANGO}.console.EmailBackend")}, **ask)


def test_who_does_not_say_where_he_is_is_told_nothing(found):
    assert not found({"default": mailer("smtp")}, deploy=True)


LIMITED = {"default": mailer("ratelimit", "smtp", rate="14/s"), "smtp": mailer("smtp")}
CACHES = "django.core.cache.backends"


@pytest.mark.parametrize(
    ("cache", "shared"),
    [
        ("locmem.LocMemCache", False),
        ("dummy.DummyCache", False),
        ("filebased.FileBasedCache", False),
        ("db.DatabaseCache", False),
        ("redis.RedisCache", True),
    ],
)
def test_a_rate_in_a_cache_that_is_not_shared(found, cache, shared):
    caches = {
        "default": {"BACKEND": f"{CACHES}.locmem.LocMemCache"},
        "rates": {"BACKEND": f"{CACHES}.{cache}", "LOCATION": "/nowhere"},
    }
    limited = mailer("ratelimit", "smtp", rate="14/s", cache="rates")
    findings = found(LIMITED | {"default": limited}, CACHES=caches)
    if shared:
        assert not findings
        return
    id_, text = only(findings)
    assert id_ == "W056"
    assert "'rates'" in text
    assert not found(LIMITED | {"default": limited}, CACHES=caches, DEBUG=True)


def test_a_rate_in_the_database_is_shared(found):
    assert not found(LIMITED)


def test_a_rate_before_an_outbox(found):
    mailers = {
        "default": mailer("ratelimit", "box", rate="14/s"),
        "box": mailer("outbox", "smtp"),
        "smtp": mailer("smtp"),
    }
    id_, text = only(found(mailers))
    assert id_ == "W057"
    assert "'box'" in text
    behind = {
        "default": mailer("outbox", "limit"),
        "limit": mailer("ratelimit", "smtp", rate="14/s"),
        "smtp": mailer("smtp"),
    }
    assert not found(behind)


@pytest.mark.parametrize(
    ("kind", "limited", "patience"),
    [
        ("route", {"one"}, {}),
        ("route", {"one"}, {"max_wait": 0}),
        ("route", {"one", "two"}, {}),
        ("route", set(), {}),
        ("failover", {"one"}, {}),
    ],
)
def test_a_rate_that_waits_on_one_of_the_ways_behind_an_outbox(
    found, kind, limited, patience
):
    options = {"routes": {"example.com": "one"}} if kind == "route" else {}
    mailers = {
        "default": mailer("outbox", "ways"),
        "ways": mailer(kind, ["one", "two"], **options),
        "first": mailer("smtp"),
        "second": mailer("smtp"),
    }
    for way, leaf in (("one", "first"), ("two", "second")):
        mailers[way] = mailer("smtp")
        if way in limited:
            mailers[way] = mailer("ratelimit", leaf, rate="14/s", **patience)
    if kind == "route" and len(limited) == 1 and not patience:
        id_, text = only(found(mailers))
        assert id_ == "W059"
        assert "'one'" in text
    else:
        assert not found(mailers)


@pytest.mark.parametrize("kind", ["outbox", "failover"])
def test_a_mailer_that_waits_for_ever(found, kind):
    using = ["one", "two"] if kind == "failover" else "one"
    django = f"{DJANGO}.smtp.EmailBackend"
    mailers = {
        "default": mailer(kind, using),
        "one": mailer(django, host="smtp.example.com"),
        "two": mailer("smtp"),
    }
    id_, text = only(found(mailers))
    assert id_ == "W058"
    assert "'one'" in text
    mailers["one"] = mailer(django, host="smtp.example.com", timeout=10)
    assert not found(mailers)
    # Who sends through it at once waits at his own risk, as with Django alone.
    assert not found({"default": mailer(django, host="smtp.example.com")})


@pytest.mark.parametrize(
    ("key", "by", "ids"),
    [
        ("newsletter", {}, ["W070"]),
        ("newsletter", {"by": "domain"}, ["W070"]),
        ("newsletter", {"by": "stream"}, []),
        ("example.com", {}, []),
        ("*.com", {}, []),
        ("localhost", {}, []),
    ],
)
def test_a_stream_among_domains(found, key, by, ids):
    route = mailer("route", ["one", "two"], routes={key: "two"}, **by)
    told = found({"default": route, "one": mailer("smtp"), "two": mailer("smtp")})
    assert [id_.removeprefix("mailplus.") for id_, _ in told] == ids
