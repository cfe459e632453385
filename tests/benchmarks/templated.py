"""How long a templated mail takes, from its template to its bytes, with CSS inlined.

    python tests/benchmarks/templated.py

Beside each stands what Django alone takes to render the same HTML: the share that is not
ours. Nothing passes or fails.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from django.conf import settings  # noqa: E402
from html_to_text import transactional  # noqa: E402

CARD = """<table role="presentation" class="card"><tr><td><h2>Tea {{ n }}</h2>
<p class="words">A tea with a <b>smoky</b> note, from {{ place }}: {{ text }}</p>
<p><a class="more" href="/teas/{{ n }}/">Read more</a></p></td></tr></table>"""
STYLES = """.card { width: 100%; border-bottom: 1px solid #ccc } .words { color: #333 }
.more { color: #1f5fbf } .more:hover { color: #000 } h2 { font-size: 18px }"""
HEAD = """{% extends "mailplus/layout.html" %}{% load mailplus %}
{% block subject %}Order {{ number }}{% endblock %}
{% block preheader %}It leaves tomorrow{% endblock %}
"""
ORDER = f"""{HEAD}{{% block body %}}<h1>Thank you, {{{{ name }}}}</h1>
<p>Your order {{{{ number }}}} leaves tomorrow.</p>
<table class="mp-table">{{% for tea, price in teas %}}<tr><td>{{{{ tea }}}}</td><td align="right">{{{{ price }}}}</td></tr>{{% endfor %}}</table>
{{% mail_button "/orders/1/" %}}See your order{{% endmail_button %}}{{% endblock %}}
{{% block footer %}}Fern &amp; Kettle, 1 Tea Lane{{% endblock %}}"""
NEWS = f"""{HEAD}{{% block styles %}}{STYLES}{{% endblock %}}
{{% block body %}}{{% for n in cards %}}{CARD}{{% endfor %}}{{% endblock %}}"""
# A mail of 3 kB, which leaves no room for our layout.
PLAIN = f"{{% block subject %}}Order{{% endblock %}}{{% block body %}}{transactional()}{{% endblock %}}"
TEMPLATES = {"mail/plain.html": PLAIN, "mail/order.html": ORDER, "mail/news.html": NEWS}

CONTEXT = {
    "name": "Ann",
    "number": 2041,
    "teas": [("Sencha, 100 g", "8.50"), ("Lapsang, 50 g", "6.20")],
    "cards": range(88),
    "place": "Fujian",
    "text": "rolled by hand, dried over pine, and rested for a year in clay. " * 3,
}


def main() -> None:
    loader = ("django.template.loaders.locmem.Loader", TEMPLATES)
    app = "django.template.loaders.app_directories.Loader"
    cached = ("django.template.loaders.cached.Loader", [loader, app])
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django_mailplus",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [cached]},
            }
        ],
        MAILPLUS={"BASE_URL": "https://shop.example.com"},
        USE_TZ=True,
    )
    import django

    django.setup()
    from django.template.loader import render_to_string

    from django_mailplus.message.wire import to_bytes
    from django_mailplus.templated import render_mail
    from django_mailplus.templated.inlining import can_inline

    print(
        f"css-inline: {'yes' if can_inline() else 'no'}; medians, ms of processor time"
    )
    for name in ("plain", "order", "news"):
        message = render_mail(name, CONTEXT, to="ann@example.com")
        size = len(message.alternatives[0][0])

        def ours(name: str = name) -> object:
            return to_bytes(render_mail(name, CONTEXT, to="ann@example.com"))

        def djangos(name: str = name) -> object:
            return render_to_string(f"mail/{name}.html", {**CONTEXT, "mailplus": {}})

        took, alone = measured(ours), measured(djangos)
        print(
            f"{name:6} {size:6} characters: {took:6.2f} ms, the template alone {alone:6.2f} ms"
        )


def measured(work: Callable[[], object], rounds: int = 60) -> float:
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return sorted(times)[rounds // 2] * 1000


if __name__ == "__main__":
    main()
