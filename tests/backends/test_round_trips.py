"""Wrappers and routers keep batches whole: as few round trips as without them."""

from __future__ import annotations

import pytest
from backends.stage import letters, smtp
from misbehaving_server import CLASSIC

from django_mailplus.compat import get_mailer

PATH = "django_mailplus.backends.{}.EmailBackend"
COUNT = 20
CHAINS = {
    "smtp": [],
    "redirect": [{"allow": ["example.com"]}],
    "redirect to a team": [{"to": "team@example.com"}],
    "failover": [{}],
    "route": [{"routes": {"example.com": "end"}}],
    "four deep": [{"allow": ["example.com"]}, {}, {"allow": "example.com"}, {}],
}

pytestmark = pytest.mark.usefixtures("forget_mailers")


def kind_of(options):
    if "routes" in options:
        return "route"
    return "redirect" if options else "failover"


def chain(servers, layers):
    mailers = {"end": smtp(servers[0]), "spare": smtp(servers[1])}
    names = ["default", "second", "third", "fourth"][: len(layers)]
    for number, options in enumerate(layers):
        inner, kind = [*names[1:], "end"][number], kind_of(options)
        using = inner if kind == "redirect" else [inner, "spare"]
        path = PATH.format(kind)
        mailers[names[number]] = {
            "BACKEND": path,
            "OPTIONS": {"using": using, **options},
        }
    return {"default": mailers["end"], **mailers}


def round_trips(server):
    """How often the server had to wait for the client, who waits for it meanwhile."""
    return len(server.arrivals)


@pytest.mark.parametrize("layers", CHAINS.values(), ids=CHAINS)
def test_a_batch_costs_a_round_trip_for_each_message(with_mailers, servers, layers):
    with_mailers(chain(servers, layers))
    assert get_mailer("default").send_messages(letters(COUNT)) == COUNT
    # Beside the greeting and the first envelope.
    assert round_trips(servers[0]) <= COUNT + 3
    assert servers[0].connections == 1
    assert servers[1].connections == 0


def test_without_pipelining_it_would_be_seen(with_mailers, servers):
    servers[0].plan(ehlo=CLASSIC)
    with_mailers(chain(servers, CHAINS["redirect"]))
    assert get_mailer("default").send_messages(letters(COUNT)) == COUNT
    assert round_trips(servers[0]) >= 4 * COUNT
