"""How long HTML takes to become text, against the bare parser on the same document.

    python tests/benchmarks/html_to_text.py [--rounds N] [--profile]

Rounds of the two take turns; a figure is the median of its rounds, and the ratio that of
the ratios. A last line shows that twice the input takes twice the time. Nothing passes or
fails.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import platform
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from django_mailplus.templated.plain_text import html_to_text  # noqa: E402

STYLES = "\n".join(
    f".c{n} {{ color: #33{n:02}44; font-family: Helvetica, Arial, sans-serif }}"
    for n in range(15)
)
HEAD = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>News</title>'
    f"<style>{STYLES}</style></head>\n"
    '<body style="margin:0;background:#f4f4f7">'
    '<div style="display:none;max-height:0;overflow:hidden">Fans and lamps'
    f"{'&#847;&zwnj;&nbsp;' * 40}</div>\n"
    "<!--[if mso]><table><tr><td width=600><![endif]-->\n"
)
FOOT = '<p>Sent to anna@example.com. <a href="https://shop.example.com/leave">Leave</a></p></body></html>'


def card(number: int) -> str:
    return (
        f'<tr><td class="c{number % 15}" style="padding:16px 24px">'
        f'<img src="https://img.example.com/{number}.png" width="120" height="80" alt="Lamp {number}"'
        ' style="display:block;border:0;max-width:100%;height:auto">\n'
        f"<h3>Offer {number}: a quiet fan &amp; lamp</h3>\n"
        "<p>Keeps you cool in summer and gives <b>warm light</b> in winter. Only"
        f" &euro;{number},99 until <em>Sunday</em>, with"
        ' <a href="https://shop.example.com/terms">free delivery</a> to your door.</p>\n'
        '<table role="presentation" cellpadding="0"><tr><td style="border-radius:4px">'
        f'<a style="color:#fff" href="https://shop.example.com/offers/{number}?utm_source=news&amp;id={number}">'
        "See the offer</a></td></tr></table></td></tr>\n"
    )


def prices(number: int) -> str:
    rows = "".join(
        f"<tr><td>Lamp {number}-{row}</td><td>{row}</td><td align=right>&euro;{row * 7}.50</td></tr>\n"
        for row in range(1, 5)
    )
    return f"<table><tr><th>Lamp</th><th>Rooms</th><th>Price</th></tr>{rows}</table>\n"


def newsletter(cards: int = 73) -> str:
    """About 51 kB: cards as layout tables, and a table of prices for every ten of them."""
    parts = []
    for start in range(0, cards, 10):
        rows = "".join(card(n) for n in range(start, min(start + 10, cards)))
        parts.append(
            f'<table role="presentation" width="100%">{rows}</table>{prices(start)}'
        )
    return HEAD + "".join(parts) + FOOT


def transactional() -> str:
    """About 3 kB: a receipt."""
    return HEAD + card(1) + prices(1) + FOOT


def bare(html: str) -> None:
    parser = HTMLParser()
    parser.feed(html)
    parser.close()


def timed(work: Callable[[str], object], html: str, count: int) -> float:
    gc.collect()
    started = time.process_time()
    for _ in range(count):
        work(html)
    return (time.process_time() - started) / count


def measure(title: str, html: str, count: int, rounds: int) -> None:
    base, ours = [], []
    for _ in range(rounds):
        base.append(timed(bare, html, count))
        ours.append(timed(html_to_text, html, count))
    ratio = statistics.median(o / b for o, b in zip(ours, base, strict=True))
    print(
        f"{title:<16} {len(html):>7,} characters  parser {statistics.median(base) * 1e3:7.3f} ms"
        f"  html_to_text {statistics.median(ours) * 1e3:7.3f} ms  {ratio:.2f} times the parser"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    if arguments.profile:
        html = newsletter()
        with cProfile.Profile() as profile:
            for _ in range(20):
                html_to_text(html)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    print(f"Python {platform.python_version()}, {platform.machine()}")
    measure("transactional", transactional(), 100, arguments.rounds)
    measure("newsletter", newsletter(), 10, arguments.rounds)
    measure("twice as long", newsletter(146), 5, arguments.rounds)


if __name__ == "__main__":
    main()
