"""PostgreSQL wakes a worker; elsewhere nothing happens."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from django.core.mail import EmailMessage
from django.db import connection, transaction

from django_mailplus.compat import get_mailer
from django_mailplus.outbox.dispatch import notify
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def configure(with_mailers):
    def configure(**options):
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "smtp", "dispatch": "worker", **options},
                },
                "smtp": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": {"host": "127.0.0.1", "port": 9},
                },
            }
        )

    yield configure
    close_all()


@pytest.fixture
def worker(configure):
    configure(notify=True)
    return Worker(["smtp"])


def send():
    message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@b.org"])
    get_mailer("default").send_messages([message])


def listeners():
    return [t for t in threading.enumerate() if t.name == "mailplus listener"]


def _need_postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL notifies")


def _woken(worker):
    woken = worker.wakeup.wait(20)
    worker.wakeup.clear()
    return woken


def _listening():
    """The processes of the server that listen for us."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE query = %s AND pid <> "
            "pg_backend_pid() AND datname = current_database()",
            [f"LISTEN {notify.CHANNEL}"],
        )
        return [pid for (pid,) in cursor.fetchall()]


def _nobody_listens():
    """The server needs a moment to notice that a connection was closed."""
    end = time.monotonic() + 20
    while _listening():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_commit_wakes_the_worker_and_a_rollback_does_not(worker):
    _need_postgresql()
    with notify.listening(worker):
        assert _woken(worker)  # it looks once it listens
        with transaction.atomic():
            send()
            transaction.set_rollback(True)
        assert not worker.wakeup.wait(0.2)
        with transaction.atomic():
            send()
            send()
            assert not worker.wakeup.wait(0.1)
        assert _woken(worker)
    assert listeners() == []
    _nobody_listens()


def test_a_worker_polls_on_without_being_asked(worker):
    """The context is for any database: nothing but the wake-ups differs."""
    with notify.listening(worker):
        worker.stop.set()
        worker.run()
    assert listeners() == []


def test_it_listens_again_when_the_connection_was_cut(worker, caplog):
    _need_postgresql()
    with notify.listening(worker):
        assert _woken(worker)
        with connection.cursor() as cursor:
            for pid in _listening():
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert _woken(worker)  # what came meanwhile is not waited for
        send()
        assert _woken(worker)
    assert "Not listening" in caplog.text
    _nobody_listens()


def test_it_ends_while_the_database_cannot_be_reached(worker, monkeypatch, caplog):
    _need_postgresql()

    def broken():
        wrapper = connection.copy()
        wrapper.settings_dict["PORT"] = "9"
        return wrapper

    monkeypatch.setattr(notify, "_connection", broken)
    with notify.listening(worker):
        end = time.monotonic() + 20
        while not caplog.records and time.monotonic() < end:
            time.sleep(0.01)
    assert "Not listening (OperationalError)" in caplog.text
    assert listeners() == []


class Freezer:
    """Stands between us and the server, and passes nothing on once it is `frozen`."""

    def __init__(self, host, port):
        self.frozen = threading.Event()
        self.asked = threading.Event()  # when it was frozen
        self._ours = socket.create_server(("127.0.0.1", 0))
        self.port = self._ours.getsockname()[1]
        self._target = (host, port)
        self._sockets = [self._ours]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, far = (
                    self._ours.accept()[0],
                    socket.create_connection(self._target),
                )
                self._sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if self.frozen.is_set():
                    self.asked.set()
                else:
                    sink.sendall(data)

    def close(self):
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_it_ends_while_the_server_is_silent(worker, monkeypatch):
    """As behind a host that was cut off: no answer, and no end of the connection."""
    _need_postgresql()
    said = connection.settings_dict
    freezer = Freezer(said["HOST"], int(said["PORT"] or 5432))

    def through_it():
        wrapper = connection.copy()
        wrapper.settings_dict.update(HOST="127.0.0.1", PORT=str(freezer.port))
        return wrapper

    monkeypatch.setattr(notify, "_connection", through_it)
    monkeypatch.setattr(notify, "_LONGEST_SILENCE", 0.1)
    with contextlib.closing(freezer):
        listener = notify._Listener(worker.wakeup)
        listener.start()
        assert _woken(worker)
        freezer.frozen.set()
        assert freezer.asked.wait(20)
        ending = threading.Thread(target=listener.stop, daemon=True)
        ending.start()
        ending.join(20)
        ended = not ending.is_alive()
        assert len(listeners()) == 1  # it still waits for the server
    end = time.monotonic() + 20
    while listeners() and time.monotonic() < end:
        time.sleep(0.01)
    assert ended
    assert listeners() == []
    _nobody_listens()


def test_nobody_listens_unless_an_outbox_asks_for_it(configure):
    configure()
    with notify.listening(Worker(["smtp"])):
        assert listeners() == []


def test_other_databases_go_without(worker):
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL notifies")
    with notify.listening(worker):
        assert listeners() == []
        send()
    notify.notify()


def test_a_connection_pool_is_left_alone(worker, monkeypatch):
    _need_postgresql()
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"pool": True})
    wrapper = notify._connection()
    assert "pool" not in wrapper.settings_dict["OPTIONS"]
    assert connection.settings_dict["OPTIONS"] == {"pool": True}
