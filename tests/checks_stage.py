"""What the tests of the checks share: mailers, and the findings of our checks alone."""

from __future__ import annotations

from django.core.checks.registry import registry

SMTP_PATH = "django_mailplus.backends.smtp.EmailBackend"


def smtp(path=SMTP_PATH, **options):
    return {"BACKEND": path, "OPTIONS": {"host": "smtp.example.com", **options}}


def our_findings(*, deploy=False):
    """What our registered checks say; Django's own may not know the settings of a test."""
    ours = [
        check
        for check in registry.get_checks(include_deployment_checks=deploy)
        if check.__module__ == "django_mailplus.checks"
    ]
    assert len(ours) == (10 if deploy else 7)
    return [(f.id, f.msg, f.hint) for check in ours for f in check(app_configs=None)]


def only(findings):
    [(id_, text, hint)] = findings
    assert hint
    return id_, f"{text} {hint}"
