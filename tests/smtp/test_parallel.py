"""Several sessions at once, and several batches that share them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from misbehaving_server import MisbehavingServer
from smtp.batches import job, kinds, open_session

from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.parallel import send_parallel
from django_mailplus.smtp.pool import Pool


def test_batches_that_share_a_pool_do_not_wait_for_each_other():
    """Without an end to the wait for a session, this one would never end."""
    with MisbehavingServer() as server:
        pool = Pool(
            lambda: open_session(server), Limits(size=2, timeout=None), name="test"
        )

        def send(number):
            jobs = [(n, job(number * 100 + n)) for n in range(4)]
            outcomes = [o for _, o in send_parallel(pool, jobs, connections=4)]
            return kinds(outcomes)

        with ThreadPoolExecutor(4) as threads:
            told = list(threads.map(send, range(60)))
        pool.drain()
    assert told == [["accepted"] * 4] * 60
    assert len(server.taken) == 240
