"""Several processes send through one rate: no more leave than are allowed."""

from __future__ import annotations

import threading

import pytest
from backends.stage import redis
from misbehaving_server import MisbehavingServer
from outbox.project_stage import Project
from outbox.survival import databases

PROCESSES = 4
_MORE = """
CACHES = {{"default": {cache!r}}}
MAILERS["limited"] = {{
    "BACKEND": "django_mailplus.backends.ratelimit.EmailBackend",
    "OPTIONS": {{"using": "smtp", **{options!r}}},
}}
"""
_SENDS = """
from django_mailplus.exceptions import RateLimitError
sent, begun = 0, time.monotonic()
for n in range({tries}):
    try:
        sent += mailers["limited"].send_messages([
            EmailMessage(str(n), "", "ann@example.com", ["bob@example.com"])
        ])
    except RateLimitError:
        pass
print(begun, time.monotonic(), sent)
"""


@pytest.fixture
def peer():
    with MisbehavingServer() as server:
        yield server


@pytest.fixture(params=["postgresql", "redis"])
def project(request, tmp_path, peer):
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    options = {}
    if request.param == "redis":
        cache, options = redis(), {"cache": "default"}
    elif why := databases.missing("postgresql"):
        pytest.skip(why)
    with databases.database("postgresql") as database:
        project = Project(tmp_path, database)

        def configure(**more):
            text = _MORE.format(cache=cache, options=options | more)
            project.configure(peer.port, more=text)
            return project

        yield configure


def at_once(project, tries):
    """All processes together: how many they sent, and in how many seconds."""
    said = []

    def run():
        said.append(project.run(_SENDS.format(tries=tries)))

    threads = [threading.Thread(target=run) for _ in range(PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == PROCESSES
    begun, ended, sent = zip(*(map(float, line.split()) for line in said), strict=True)
    return sum(sent), max(ended) - min(begun)


def test_what_may_leave_at_once_leaves_once_for_all_of_them(project, peer):
    sent, _ = at_once(project(rate="100/h", max_wait=0), tries=10)
    assert sent == len(peer.taken) == 10


def test_in_no_period_more_leave_than_are_allowed(project, peer):
    sent, seconds = at_once(project(rate="30/s", max_wait=30), tries=20)
    assert sent == len(peer.taken) == PROCESSES * 20
    # Three at once, then 27 in a second: whatever stands still makes it take longer.
    assert seconds >= (sent - 3) / 27
