"""Blocks through layouts: `block.super`, nesting, variables of loops and processors."""

from __future__ import annotations

from django.test import RequestFactory

from django_mailplus.templated import render_mail
from django_mailplus.templated.linting import blocks_shown_nowhere

LAYOUT = (
    "<html><body><h1>{% block title %}Shop{% endblock %}</h1>{% block body %}{% endblock %}"
    "<small>{% block foot %}{{ shop }}{% endblock %}</small></body></html>"
)


def html_of(message):
    return message.alternatives[0][0]


def test_the_html_is_the_whole_page_and_holds_no_other_part(templates):
    templates("base.html", LAYOUT)
    templates(
        "mail/x.html",
        "{% extends 'base.html' %}{% block subject %}Subject{% endblock %}"
        "{% block text %}Text{% endblock %}{% block body %}<p>Body</p>{% endblock %}",
    )
    message = render_mail("x", {"shop": "Fern"})
    html = html_of(message)
    assert "<h1>Shop</h1><p>Body</p><small>Fern</small>" in html
    assert "Subject" not in html
    assert message.body == "Text\n"


def test_block_super_and_blocks_three_deep(templates):
    templates("base.html", LAYOUT)
    templates(
        "middle.html",
        "{% extends 'base.html' %}{% block subject %}[Shop] {% block what %}News{% endblock %}"
        "{% endblock %}{% block title %}{{ block.super }} and more{% endblock %}",
    )
    templates(
        "mail/x.html",
        "{% extends 'middle.html' %}{% block what %}Sale{% endblock %}"
        "{% block title %}{{ block.super }}!{% endblock %}",
    )
    templates("mail/y.html", "{% extends layout %}{% block subject %}Y{% endblock %}")
    # The block of the subject is the layout's.
    templates(
        "mail/z.html",
        "{% extends 'middle.html' %}{% block subject %}{{ block.super }} ({{ n }}){% endblock %}",
    )
    assert render_mail("z", {"n": 1}).subject == "[Shop] News (1)"
    assert "<h1>Shop and more</h1>" in html_of(render_mail("z", {"n": 1}))
    assert render_mail("y", {"layout": "middle.html"}).subject == "Y"


def test_a_subject_is_one_line_and_escapes_nothing(templates):
    templates(
        "mail/x.html",
        "{% block subject %}\n  {{ name }}\r\n Bcc: {{ name }}\n{% endblock %}"
        "{% block body %}{{ name }}{% endblock %}",
    )
    message = render_mail("x", {"name": "O'Hara & <Co>\n"})
    assert message.subject == "O'Hara & <Co> Bcc: O'Hara & <Co>"
    assert message.body == "O'Hara & <Co>\n"
    assert "&lt;Co&gt;" in html_of(message)


def test_a_text_block_is_tidied(templates):
    templates(
        "mail/x.html",
        "{% block subject %}S{% endblock %}{% block text %}\n\n  Hello   \n{% if 0 %}{% endif %}"
        "\n\n\n\nBye\n{% endblock %}",
    )
    message = render_mail("x")
    assert message.body == "  Hello\n\nBye\n"
    assert message.alternatives == []


def test_context_processors_run_with_a_request_and_the_context_wins(templates):
    templates(
        "mail/x.html",
        "{% block subject %}{{ request.path }} {{ name }}{% endblock %}"
        "{% block body %}{{ request.path }}{% endblock %}",
    )
    request = RequestFactory().get("/buy/")
    message = render_mail("x", {"name": "Ann"}, request=request)
    assert message.subject == "/buy/ Ann"
    assert "/buy/" in html_of(message)


def test_rendering_changes_no_context(templates):
    templates(
        "mail/x.html",
        "{% block subject %}{% with name='other' %}{{ name }}{% endwith %}{% endblock %}"
        "{% block body %}{{ name }}{% endblock %}",
    )
    context = {"name": "Ann"}
    message = render_mail("x", context)
    assert (message.subject, message.body) == ("other", "Ann\n")
    assert context == {"name": "Ann"}


def test_autoescape_that_the_engine_has_off_stays_off(templates, settings):
    [engine] = settings.TEMPLATES
    engine["OPTIONS"]["autoescape"] = False
    settings.TEMPLATES = [engine]
    templates("base.html", LAYOUT)
    templates(
        "mail/x.html",
        "{% extends 'base.html' %}{% block subject %}S{% endblock %}"
        "{% block body %}<i>{{ raw }}</i>{% endblock %}",
    )
    assert "<i><b>x</b></i>" in html_of(render_mail("x", {"raw": "<b>x</b>"}))


def test_a_block_that_nothing_above_has_is_shown_nowhere(templates):
    templates("base.html", LAYOUT)
    templates(
        "middle.html",
        "{% extends 'base.html' %}{% block body %}{% block inner %}{% endblock %}{% endblock %}",
    )
    parts = "{% block subject %}S{% endblock %}{% block text %}T{% endblock %}"
    templates(
        "mail/x.html",
        "{% extends 'middle.html' %}" + parts + "{% block content %}lost{% endblock %}"
        "{% block inner %}{% block deeper %}seen{% endblock %}{% endblock %}"
        "{% block foot %}{% endblock %}",
    )
    assert blocks_shown_nowhere("mail/x.html") == ["content"]
    assert "lost" not in html_of(render_mail("x"))
    assert "seen" in html_of(render_mail("x"))


def test_a_layout_may_extend_the_one_that_it_stands_before(templates):
    templates(
        "mailplus/layout.html",
        "{% extends 'mailplus/layout.html' %}{% block logo %}Ours{% endblock %}",
    )
    templates(
        "mail/x.html",
        "{% extends 'mailplus/layout.html' %}{% block subject %}S{% endblock %}"
        "{% block body %}B{% endblock %}{% block boddy %}{% endblock %}",
    )
    assert render_mail("x").body == "Ours\nB\n"
    assert blocks_shown_nowhere("mail/x.html") == ["boddy"]


def test_what_cannot_be_known_is_not_called_lost(templates):
    templates("mail/x.html", "{% extends layout %}{% block any %}{% endblock %}")
    templates("mail/y.html", "{% block any %}{% endblock %}")
    assert blocks_shown_nowhere("mail/x.html") == []
    assert blocks_shown_nowhere("mail/y.html") == []
