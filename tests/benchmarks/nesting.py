"""What wrappers and routers cost beside a leaf that only counts, in microseconds of work.

    python tests/benchmarks/nesting.py [--rounds N]

A figure is the difference between a chain and its leaf alone, for each message, each in
the best of its rounds: what else runs on the machine only adds. Nothing passes or fails.
"""

from __future__ import annotations

import argparse
import gc
import platform
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

REDIRECT = {"allow": ["example.com"]}
CHAINS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "four that do nothing": [("nothing", {})] * 4,
    "redirect, three that do nothing": [("redirect", REDIRECT)] + [("nothing", {})] * 3,
    "redirect": [("redirect", REDIRECT)],
    "failover": [("failover", {})],
    "route": [("route", {"routes": {"example.com": "leaf"}})],
}


def configured() -> dict[str, Any]:
    mailers: dict[str, Any] = {
        name: {"BACKEND": "counting.Counts"} for name in ("leaf", "spare")
    }
    for label, layers in CHAINS.items():
        names = [f"{label} {number}" for number in range(len(layers))]
        for name, inner, (kind, options) in zip(
            names, [*names[1:], "leaf"], layers, strict=True
        ):
            path = f"django_mailplus.backends.{kind}.EmailBackend"
            alone = kind in ("nothing", "redirect")
            using = inner if alone else [inner, "spare"]
            mailers[name] = {
                "BACKEND": "counting.Nothing" if kind == "nothing" else path,
                "OPTIONS": {"using": using, **options},
            }
    return mailers


settings.configure(
    USE_TZ=True,
    MAILERS={"default": {"BACKEND": "counting.Counts"}, **configured()},
    **(
        {}
        if django.VERSION >= (6, 1)
        else {"EMAIL_BACKEND": "django_mailplus.backends.default.EmailBackend"}
    ),
)

from django.core.mail import EmailMessage  # noqa: E402

from django_mailplus.compat import get_mailer  # noqa: E402

MESSAGES = 200  # of a batch


def batch() -> list[EmailMessage]:
    return [
        EmailMessage("Hi", "Body", "ann@example.com", [f"bob{number}@example.com"])
        for number in range(MESSAGES)
    ]


def microseconds(alias: str, *, at_once: bool) -> float:
    """For each message: of one batch, or of a backend of its own for each, as in Django."""
    messages = batch()
    gc.collect()
    started = time.process_time()
    if at_once:
        get_mailer(alias).send_messages(messages)
    else:
        for message in messages:
            get_mailer(alias).send_messages([message])
    return (time.process_time() - started) / MESSAGES * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    django_version = django.get_version()
    print(f"Python {platform.python_version()}, Django {django_version}")
    print(f"{'microseconds for each message':34}{'batch':>8}{'single':>8}")
    for label in CHAINS:
        more = []
        for at_once in (True, False):
            best = [
                min(microseconds(alias, at_once=at_once) for _ in range(rounds))
                for alias in (f"{label} 0", "leaf")
            ]
            more.append(best[0] - best[1])
        print(f"{label:34}{more[0]:8.1f}{more[1]:8.1f}")


if __name__ == "__main__":
    main()
