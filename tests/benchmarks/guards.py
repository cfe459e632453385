"""What a signature and a look at the do-not-mail list cost, in milliseconds of work.

    python tests/benchmarks/guards.py [--rounds N]

dkimpy signs the same bytes with the same keys in the same rounds; the ratio is that of the
best of each, and so are the figures. The list is in SQLite. Nothing passes or fails.
"""

from __future__ import annotations

import argparse
import base64
import gc
import platform
import time
from collections.abc import Callable

import django
from django.conf import settings

settings.configure(
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django_mailplus",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

import dkim  # noqa: E402
from django.core.mail import EmailMessage  # noqa: E402
from django.core.management import call_command  # noqa: E402

from django_mailplus.dkim.keys import new_key, read_key  # noqa: E402
from django_mailplus.dkim.signing import sign  # noqa: E402
from django_mailplus.message.wire import to_bytes  # noqa: E402
from django_mailplus.models import Suppression  # noqa: E402
from django_mailplus.suppression import Reason, suppress  # noqa: E402
from django_mailplus.suppression.lookup import find  # noqa: E402

DOMAIN, SELECTOR = "example.com", "m"
RECIPIENTS = [f"person{number}@example.com" for number in range(10_000)]


def letter() -> bytes:
    """Of 9 kB."""
    body = "A line of a mail, about as long as most of them are.\n" * 160
    sender, to = f"ann@{DOMAIN}", ["bob@example.org"]
    return to_bytes(EmailMessage("Hi", body, sender, to))


def signers(algorithm: str, data: bytes) -> list[Callable[[], object]]:
    """Ours, and dkimpy's."""
    _, pem = new_key(domain=DOMAIN, selector=SELECTOR, algorithm=algorithm)
    private = pem(None)
    key = read_key(private.decode(), domain=DOMAIN, selector=SELECTOR)
    theirs = private
    if algorithm.startswith("ed25519"):  # of which dkimpy wants the seed
        from cryptography.hazmat.primitives import serialization

        raw = serialization.load_pem_private_key(private, None).private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        theirs = base64.b64encode(raw)
    algorithm_told = algorithm.encode()
    return [
        lambda: sign(data, [key]),
        lambda: dkim.sign(
            data,
            SELECTOR.encode(),
            DOMAIN.encode(),
            theirs,
            canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=algorithm_told,
        ),
    ]


TIMES = 5  # of a measurement: the first one after another piece of work is slower


def milliseconds(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.process_time()
    for _ in range(TIMES):
        work()
    return (time.process_time() - started) / TIMES * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    print(f"Python {platform.python_version()}, Django {django.get_version()}")
    data = letter()
    for algorithm in ("rsa-sha256", "ed25519-sha256"):
        pair = signers(algorithm, data)
        times = [[milliseconds(each) for each in pair] for _ in range(rounds)]
        ours, theirs = map(min, zip(*times, strict=True))
        print(
            f"{algorithm}, {len(data):,} bytes: {ours:.2f} ms; dkimpy {theirs:.2f} ms, "
            f"{theirs / ours:.1f} times as long"
        )
    call_command("migrate", verbosity=0)
    for address in RECIPIENTS[::100]:
        suppress(address, reason=Reason.MANUAL)
    best = min(milliseconds(lambda: find(RECIPIENTS)) for _ in range(rounds))
    count = Suppression.objects.count()
    print(f"{len(RECIPIENTS):,} recipients, {count} of them on the list: {best:.1f} ms")


if __name__ == "__main__":
    main()
