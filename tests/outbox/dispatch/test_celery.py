"""Hints through Celery: a real worker, over a real RabbitMQ and a real Redis."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import uuid
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.processes

BROKERS = {
    "rabbitmq": os.environ.get(
        "MAILPLUS_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"
    ),
    "redis": os.environ.get("MAILPLUS_TEST_REDIS", "redis://127.0.0.1:6379/0"),
}
APP = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings_of_stage")
from celery import Celery
app = Celery("stage", set_as_current=True)
app.conf.update(
    broker_url={url!r},
    task_default_queue={queue!r},
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    {more}
)
app.autodiscover_tasks()
"""


def _absent(broker):
    if find_spec("celery") is None:
        return "no celery"
    from kombu import Connection

    try:
        with Connection(BROKERS[broker], connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except Exception as error:
        return f"no {broker} ({type(error).__name__})"
    return None


def _need(reason):
    if reason is not None:
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail(f"The tests of Celery: {reason}.")
        pytest.skip(reason)


@pytest.fixture
def configure(project, mail_server):
    """The project with an app of Celery: give it the URL of a broker."""

    def configure(url, *, queue="mailplus", more="", **options):
        project.configure(mail_server.port, dispatch="celery", **options)
        text = APP.format(url=url, queue=queue, more=more)
        (project.folder / "celery_of_stage.py").write_text(text)
        project.before = "import celery_of_stage\n"

    return configure


@pytest.fixture(params=["rabbitmq", "redis"])
def broker(request, configure):
    """Its URL; the project is configured with a queue that ends with the test."""
    _need(_absent(request.param))
    url, queue = BROKERS[request.param], f"mailplus-{uuid.uuid4().hex[:8]}"
    configure(url, queue=queue)
    yield url
    from kombu import Connection

    with Connection(url) as connection, contextlib.suppress(Exception):
        connection.default_channel.queue_delete(queue)


@contextlib.contextmanager
def worker(project):
    process = project.start(
        "-m", "celery", "-A", "celery_of_stage", "worker", "-c1", "--loglevel=info",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
        flags=(),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(Exception):
            process.communicate(timeout=20)
        process.kill()
        process.wait()


def arrived(server):
    return sorted(
        address.partition("@")[0]
        for taken in server.taken
        for address in taken.recipients
    )


def eventually(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end or process.poll() is not None:
            process.kill()
            pytest.fail(f"It did not come to pass: {process.communicate()}")
        time.sleep(0.02)


def test_a_real_worker_sends_and_hints_may_be_repeated_late_or_lost(
    broker, project, mail_server
):
    out = project.run(
        """
        def measure():
            start = time.perf_counter()
            for n in range(10):
                send(f"early{n}")
            return time.perf_counter() - start
        with transaction.atomic():
            send("never")
            transaction.set_rollback(True)
        measure()
        from django_mailplus.outbox.dispatch.celery import send_due
        for _ in range(5):
            send_due().delay("smtp")
        """,
        quiet=False,
    )
    assert out == ""
    assert arrived(mail_server) == []  # the hints wait for a worker
    early = [f"early{n}" for n in range(10)]
    with worker(project) as process:
        eventually(lambda: len(arrived(mail_server)) == 10, process)
        project.run(
            """
            from django.db import connection
            from django_mailplus.outbox.dispatch import celery, wakeup
            celery._hints.send = lambda alias: None  # these are lost
            send("lost")
            """
        )
        project.run("send('after')")
        expected = sorted([*early, "after", "lost"])
        eventually(lambda: arrived(mail_server) == expected, process)
    project.run("assert set(states()) == {'sent'}, states()")


def test_a_worker_sends_for_all_mailers_as_a_beat_asks_it(broker, project, mail_server):
    project.run(
        """
        from django_mailplus.outbox.dispatch import celery
        celery._hints.send = lambda alias: None
        send("bob")
        from celery import current_app
        current_app.send_task("django_mailplus.send_due")
        """
    )
    with worker(project) as process:
        eventually(lambda: arrived(mail_server) == ["bob"], process)


def test_a_mail_to_be_retried_needs_no_further_hint(broker, project, mail_server):
    mail_server.replies["rcpt"] = ["451 4.2.0 later", "250 ok"]
    project.run("send('bob')")
    (project.folder / "sitecustomize.py").write_text(
        "import django_mailplus.outbox.backoff as backoff, datetime\n"
        "backoff.after_attempt = lambda *a, **k: datetime.timedelta(seconds=1)\n"
    )
    with worker(project) as process:
        eventually(lambda: arrived(mail_server) == ["bob"], process)


def _closed_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.parametrize("scheme", ["amqp://guest:guest@", "redis://"])
@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_broker_that_is_down_neither_blocks_nor_raises(
    configure, project, mail_server, scheme, how
):
    _need("no celery" if find_spec("celery") is None else None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if how == "silent" else _closed_port()
        configure(f"{scheme}127.0.0.1:{port}/0")
        started = time.monotonic()
        out = project.run(
            """
            send("first")
            start = time.perf_counter()
            for n in range(5):
                send(f"bob{n}")
            print(time.perf_counter() - start)
            """,
            quiet=False,
        )
        assert time.monotonic() - started < 45
    assert float(out) < 4  # no timeout of a broker is in it: that is at least 4 seconds
    project.run("assert states() == ['queued'] * 6, states()")


def test_eager_tasks_send_at_once(configure, project, mail_server):
    _need("no celery" if find_spec("celery") is None else None)
    configure("memory://", more="task_always_eager=True")
    project.run(
        """
        send("bob")
        assert states() == ["sent"]
        with transaction.atomic():
            send("carol")
            assert states() == ["queued", "sent"]
        assert states() == ["sent", "sent"]
        """
    )
