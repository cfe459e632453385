"""What commands say about a database that is down, or that `migrate` has not seen."""

from __future__ import annotations

import contextlib
import io
import signal
import socket
import threading

import pytest
from commands.worker_stage import (
    WorkerProcess,
    mailers_for,
    shared_database,
    states,
    store,
    tables_away,
)
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from misbehaving_server import MisbehavingServer

from django_mailplus.models import EmailAddress, OutboxMessage
from django_mailplus.outbox.models import MailerState
from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.django_db(transaction=True)
MIGRATE = r"^The database 'default' lacks tables .* Run 'manage\.py migrate'\.$"


@pytest.fixture
def server(with_mailers):
    with MisbehavingServer() as server:
        with_mailers(mailers_for(server))
        yield server
    close_all()


@pytest.mark.parametrize(
    "command",
    [
        "mailqueue status",
        "mailqueue list",
        "mailqueue show ffff",
        "mailqueue retry --all",
        "mailqueue requeue --all",
        "mailqueue cancel --all --dry-run",
        "mailqueue hold ffff",
        "mailqueue release --all",
        "mailqueue pause",
        "mailqueue resume",
        "prunemail",
        "prunemail --dry-run",
        "runmailworker",
        "runmailworker --drain",
        "importverifiedemails --field is_active",
    ],
)
def test_before_migrate_a_command_says_so(server, django_user_model, command):
    django_user_model.objects.create(pk=1, is_active=True, email="a@b.org")
    with (
        tables_away(OutboxMessage, MailerState, EmailAddress),
        pytest.raises(CommandError, match=MIGRATE) as raised,
    ):
        call_command(*command.split(), stdout=io.StringIO())
    assert "\n" not in str(raised.value)


def test_so_it_does_after_an_update_without_migrate(server):
    with connection.cursor() as cursor:
        table = OutboxMessage._meta.db_table
        cursor.execute("SELECT MAX(id) FROM django_migrations WHERE app = 'mailplus'")
        [latest] = cursor.fetchone()
        rename = f"ALTER TABLE {table} RENAME COLUMN {{}} TO {{}}"
        cursor.execute(rename.format("stream", "stream_away"))
        change = "UPDATE django_migrations SET app = %s WHERE id = %s"
        cursor.execute(change, ["away", latest])
        try:
            with pytest.raises(CommandError, match=MIGRATE):
                call_command("mailqueue", "list")
        finally:
            cursor.execute(rename.format("stream_away", "stream"))
            cursor.execute(change, ["mailplus", latest])


def test_mistakes_of_ours_keep_their_traceback(monkeypatch):
    def broken():
        raise IntegrityError("a row says so")

    monkeypatch.setattr("django_mailplus.outbox.retention.prune", broken)
    with pytest.raises(IntegrityError):
        call_command("prunemail")


@pytest.mark.parametrize("how", ["--drain", "--once"])
def test_who_is_to_end_ends_at_once_without_a_database(server, tmp_path, how):
    worker = WorkerProcess(tmp_path, "/nowhere/at.all", mailers_for(server), how)
    try:
        code, errors = worker.end()
    finally:
        worker.close()
    assert code == 1
    assert errors.startswith(
        "CommandError: The database cannot be read or written: OperationalError: "
    )
    assert errors.count("\n") == 1
    assert worker.output == ""


class _Gate:
    """The way to a port of this machine, that can be shut."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                one, _ = self._listener.accept()
                other = socket.create_connection(("127.0.0.1", self._to))
                self._open += [one, other]
                for pair in ((one, other), (other, one)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()
        except OSError:  # shut
            return

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65_536):
                other.sendall(data)
        except OSError:
            return

    def shut(self) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def reopen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()


def test_a_worker_outlives_a_database_that_is_down(server, tmp_path):
    if connection.vendor != "postgresql":
        pytest.skip("a way to the database that can be shut: PostgreSQL has PGPORT")
    gate = _Gate(5432)
    mailers = mailers_for(server)
    with shared_database(tmp_path) as name:
        worker = WorkerProcess(tmp_path, name, mailers, PGPORT=str(gate.port))
        try:
            worker.read_until("Sending")
            gate.shut()
            lines = [worker.process.stderr.readline().decode() for _ in range(3)]
            store(3)
            gate.reopen()
            while b"is back" not in (line := worker.process.stderr.readline()):
                lines.append(line.decode())
            worker.read_until("3 sent")
            worker.signal(signal.SIGTERM)
            assert worker.end() == (0, "")
        finally:
            worker.close()
            gate.shut()
    ends = [line.rpartition("Trying again in ")[2] for line in lines]
    assert ends[:3] == ["1 s.\n", "2 s.\n", "4 s.\n"]
    assert states() == ["sent"] * 3
