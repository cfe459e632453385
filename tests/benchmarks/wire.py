"""How fast messages become bytes, against what Django's SMTP backend does for that.

    python tests/benchmarks/wire.py [--rounds N] [--profile ROW]

Every message is used once, and has a body, a subject and a recipient of its own. Rounds
of the two take turns; a figure is the median of the ratios. Nothing passes or fails.
"""

from __future__ import annotations

import argparse
import cProfile
import email.policy
import gc
import itertools
import os
import platform
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

settings.configure(USE_TZ=True)

from django.core.mail import EmailMessage, EmailMultiAlternatives  # noqa: E402

from django_mailplus.compat import MODERN_MIME  # noqa: E402
from django_mailplus.message.copying import freeze  # noqa: E402
from django_mailplus.message.wire import to_bytes  # noqa: E402

MESSAGES = 40  # of a round
NUMBERS = itertools.count(10_000)

WORDS = "The quick brown fox jumps over the lazy dog and runs far away."
FOREIGN = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich."
TEXT_LINES, HTML_LINES = 60, 75  # about 9 kB together
ATTACHMENT = os.urandom(400_000)


def letter(
    line: str, *, subject: str, name: str, sender: str, joint: str = "\n"
) -> EmailMultiAlternatives:
    number = next(NUMBERS)
    body = joint.join([f"{number}:", *[line] * TEXT_LINES])
    html = joint.join([f"<p>{number}</p>", *[f"<p>{line}</p>"] * HTML_LINES])
    message = EmailMultiAlternatives(
        subject.format(number),
        body,
        sender,
        [f"{name} <customer{number}@example.com>"],
    )
    message.attach_alternative(html, "text/html")
    return message


def plain() -> EmailMultiAlternatives:
    return letter(
        WORDS,
        subject="Your order {} was shipped",
        name="Bob Smith",
        sender="The Shop <shop@example.com>",
    )


def foreign(joint: str = "\n") -> EmailMultiAlternatives:
    return letter(
        FOREIGN,
        subject="Ihre Bestellung {} für Sie",
        name="Jörg Müller",
        sender="Käsehaus <shop@example.com>",
        joint=joint,
    )


def foreign_folded() -> EmailMultiAlternatives:
    message = foreign()
    message.subject = f"Ihre Bestellung {next(NUMBERS)} wurde für Sie verschickt: Grüße"
    return message


def foreign_encoded() -> EmailMultiAlternatives:
    return foreign(joint=" ")


def attached() -> EmailMultiAlternatives:
    message = plain()
    message.attach("terms.pdf", ATTACHMENT, "application/pdf")
    return message


def own_invoice() -> EmailMultiAlternatives:
    message = plain()
    number = next(NUMBERS)
    data = str(number).encode() + ATTACHMENT[:30_000]
    message.attach(f"invoice-{number}.pdf", data, "application/pdf")
    return message


def frozen() -> EmailMessage:
    return freeze(plain())


def short() -> EmailMessage:
    number = next(NUMBERS)
    return EmailMessage(
        f"Code {number}", f"{number}\n", "shop@example.com", [f"c{number}@example.com"]
    )


ROWS: dict[str, tuple[str, Callable[[], EmailMessage]]] = {
    "ascii": ("9 kB text + HTML, ASCII", plain),
    "foreign": ("the same, non-ASCII", foreign),
    "folded": ("the same, with a subject of two lines", foreign_folded),
    "encoded": ("the same, with lines that are encoded", foreign_encoded),
    "attachment": ("400 kB attachment, shared by the batch", attached),
    "invoice": ("30 kB attachment, each its own", own_invoice),
    "frozen": ("9 kB, ASCII, with stamps that last", frozen),
    "short": ("a line of text", short),
}


def as_django(message: EmailMessage) -> bytes:
    if MODERN_MIME:
        return message.message(policy=email.policy.SMTP).as_bytes()
    return message.message().as_bytes(linesep="\r\n")


def measure(write: Callable[[EmailMessage], bytes], batch: list[EmailMessage]) -> float:
    """Microseconds for a message."""
    gc.collect()
    started = time.perf_counter()
    for message in batch:
        write(message)
    return (time.perf_counter() - started) / len(batch) * 1e6


def compare(make: Callable[[], EmailMessage], rounds: int) -> list[tuple[float, float]]:
    """Microseconds of Django and of ours, for each round after one to get warm."""
    figures = [
        tuple(
            measure(write, [make() for _ in range(MESSAGES)])
            for write in (as_django, to_bytes)
        )
        for _ in range(rounds + 1)
    ]
    return [(stock, ours) for stock, ours in figures[1:]]


def profile(make: Callable[[], EmailMessage]) -> None:
    to_bytes(make())
    batch = [make() for _ in range(500)]
    profiler = cProfile.Profile()
    profiler.runcall(measure, to_bytes, batch)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", choices=ROWS)
    options = parser.parse_args()
    if options.profile:
        profile(ROWS[options.profile][1])
        return
    print(f"Django {django.__version__}, Python {platform.python_version()}")
    print(f"{'message':40} {'Django':>9} {'ours':>9} {'ratio':>7}  {'spread'}")
    for title, make in ROWS.values():
        figures = compare(make, options.rounds)
        stock, ours = (
            statistics.median(column) for column in zip(*figures, strict=True)
        )
        ratios = sorted(stock / ours for stock, ours in figures)
        print(
            f"{title:40} {stock:6.0f} µs {ours:6.0f} µs {statistics.median(ratios):6.1f}x"
            f"  {ratios[0]:.1f} to {ratios[-1]:.1f}"
        )


if __name__ == "__main__":
    main()
