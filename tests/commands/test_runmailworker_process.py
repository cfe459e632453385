"""The worker as a process: signals, exit codes, and what a terminal shows."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from commands.worker_stage import (
    PatientServer,
    WorkerProcess,
    mailers_for,
    rows,
    shared_database,
    states,
    store,
)
from django.core.management import CommandError, call_command
from misbehaving_server import MisbehavingServer

from django_mailplus.management.heartbeat import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)
FINISHING = "on the way. Once more to leave at once."


@pytest.fixture
def server():
    with PatientServer() as server:
        yield server


@pytest.fixture
def name(tmp_path):
    with shared_database(tmp_path) as name:
        yield name


@pytest.fixture
def start(name, tmp_path, server):
    started = []

    def start(*arguments, aliases=("smtp",), cls=WorkerProcess, on=server, **how):
        mailers = mailers_for(on, aliases=aliases)
        started.append(cls(tmp_path, name, mailers, *arguments, **how))
        return started[-1]

    yield start
    for worker in started:
        worker.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_finishes_what_is_on_its_way(start, server, number):
    store(30)
    worker = start("--concurrency", "1")
    assert server.waiting.wait(30)
    worker.signal(number)
    worker.read_until(FINISHING)
    server.gate.set()
    assert worker.end() == (0, "")
    sent = states(state="sent")
    assert 1 <= len(sent) <= 3
    assert len(server.taken) == len(sent)
    assert states(state="queued", attempts=0) == ["queued"] * (30 - len(sent))
    assert re.search(rf"Stopped after .*: {len(sent)} sent\.", worker.output)


def test_the_second_signal_leaves_at_once_and_gives_back_what_was_not_begun(
    start, server
):
    store(30, "smtp")
    store(30, "bulk")
    worker = start("--concurrency", "1", aliases=("smtp", "bulk"))
    assert server.waiting.wait(30)
    worker.read_until("Sending")
    worker.signal(signal.SIGTERM)
    worker.read_until(FINISHING)
    time.sleep(0.6)  # signals closer to each other count as one
    worker.signal(signal.SIGTERM)
    assert worker.end() == (128 + signal.SIGTERM, "")
    assert "Left after" in worker.output
    for mailer in ("smtp", "bulk"):
        lost = states(mailer=mailer, state="sending")
        assert len(lost) <= 3  # for each connection
        back = states(mailer=mailer, state="queued", attempts=0)
        assert len(back) == 30 - len(lost)


def test_signals_at_one_moment_are_one(start, server):
    store(3)
    worker = start()
    assert server.waiting.wait(30)
    worker.signal(signal.SIGINT)
    worker.signal(signal.SIGTERM)
    worker.read_until(FINISHING)
    server.gate.set()
    assert worker.end() == (0, "")


class _Nohup(WorkerProcess):
    @staticmethod
    def before():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_under_nohup_a_hangup_is_nothing(start, server):
    server.gate.set()
    worker = start(cls=_Nohup)
    worker.read_until("Sending")
    worker.signal(signal.SIGHUP)
    store(1)
    assert server.waiting.wait(30)
    worker.signal(signal.SIGTERM)
    assert worker.end() == (0, "")
    assert states() == ["sent"]


def test_a_reader_that_goes_away_does_not_stop_the_mail(start, server):
    server.gate.set()
    worker = start("--max-messages", "40")
    worker.read_until("Sending")
    worker.hang_up()
    store(40)
    assert worker.end() == (0, "")
    assert states() == ["sent"] * 40


def test_a_terminal_that_goes_away_is_a_signal_to_finish(start, server):
    store(5)
    worker = start(columns=80)
    assert server.waiting.wait(30)
    worker.read_until("on the way")
    worker.hang_up()
    worker.signal(signal.SIGHUP)
    server.gate.set()
    assert worker.end() == (0, "")
    assert "sending" not in states()


def test_an_idle_worker_stops_promptly_and_says_so(start):
    worker = start("--poll", "300")
    worker.read_until("Sending")
    time.sleep(0.3)
    worker.signal(signal.SIGTERM)
    assert worker.end() == (0, "")
    assert re.search(
        r"^[-\d]+ [:\d]+ Stopped after \d+ s: 0 sent\.$", worker.output, re.M
    )


def test_a_log_has_counts_and_no_address(start, server):
    server.replies["rcpt"] = {"bob3": "550 5.1.1 no such user bob3", "": "250 ok"}
    server.gate.set()
    store(10)
    worker = start("--drain")
    code, _ = worker.end()
    assert code == 0
    lines = [line[20:] for line in worker.output.splitlines()]
    assert lines[0] == "Sending what is in the outbox through smtp."
    assert re.fullmatch(r"Done after \d+ s: 9 sent, 1 failed\.", lines[-1])
    assert "bob" not in worker.output
    assert "\x1b" not in worker.output


def test_a_terminal_has_a_line_that_is_written_over(start, server):
    store(60)
    worker = start(columns=80)
    assert server.waiting.wait(30)
    worker.read_until("on the way")
    server.gate.set()
    worker.read_until("60 sent")
    worker.signal(signal.SIGINT)
    assert worker.end() == (0, "")
    assert _widest(worker.output) < 80
    assert "\x1b[?25" not in worker.output  # the cursor is left alone
    shown = _screen(worker.output)
    assert shown[0].startswith("Sending what is in the outbox through smtp.")
    assert re.fullmatch(r"Stopped after .*: 60 sent\.", shown[-1])


@pytest.mark.parametrize("columns", [20, 45, 200])
def test_a_drain_has_a_bar_as_wide_as_there_is_room(start, server, columns):
    store(40)
    worker = start("--drain", columns=columns, NO_COLOR="1")
    assert server.waiting.wait(30)
    worker.read_until(" %")
    server.gate.set()
    assert worker.end() == (0, "")
    drawn = [line for line in re.split(r"[\r\n]", worker.output) if " %" in line]
    assert max(map(_columns, drawn)) < columns
    assert ("░" in worker.output) == (columns > 20)
    assert not re.search(r"\x1b\[[\d;]*m", worker.output)
    assert _screen(worker.output)[-1].endswith(": 40 sent.")


def test_colours_can_be_had_and_not(start, server):
    server.gate.set()
    coloured, plain = (
        start("--once", columns=80),
        start("--once", "--no-color", columns=80),
    )
    for worker in (coloured, plain):
        assert worker.end() == (0, "")
    assert "\x1b[32;1m" in coloured.output
    assert "\x1b[3" not in plain.output


def test_a_pause_is_told_with_its_reason(start, server):
    server.replies["banner"] = "554 5.3.2 closed"
    store(3)
    worker = start(columns=80)
    worker.read_until("smtp is paused: the server refuses")
    worker.read_until("smtp paused")
    worker.signal(signal.SIGTERM)
    assert worker.end()[0] == 0
    assert states(attempts=0) == ["queued"] * 3


def test_what_is_logged_goes_above_the_line(start, server):
    server.replies["rcpt"] = "550 5.1.1 no"
    server.gate.set()
    worker = start(columns=80)
    worker.read_until(" sent")
    store(1)
    worker.read_until("1 failed")
    worker.signal(signal.SIGTERM)
    code, errors = worker.end()
    assert code == 0
    assert "not accepted for 1 of 1 recipients" in errors


def test_alive_or_not(start, server, tmp_path):
    path = tmp_path / "alive"
    health = ("runmailworker", "--health", "--heartbeat", str(path))
    with pytest.raises(CommandError, match=r"^No worker: there is no heartbeat"):
        call_command(*health)
    server.gate.set()
    worker = start("--heartbeat", str(path))
    worker.read_until("Sending")
    os.utime(path, (0, 0))
    with pytest.raises(CommandError, match="gave no sign of life"):
        call_command(*health)
    store(1)  # its next turn
    assert server.waiting.wait(30)
    worker.read_until("Sending")
    call_command(*health, verbosity=0)
    assert [entry.name for entry in tmp_path.glob("alive*")] == ["alive"]
    worker.signal(signal.SIGTERM)
    assert worker.end()[0] == 0
    assert not list(tmp_path.glob("alive*"))
    with pytest.raises(CommandError, match=r"^No worker: there is no heartbeat"):
        call_command(*health)


def test_who_is_killed_leaves_its_file_and_who_leaves_in_haste_does_not(
    start, server, tmp_path
):
    path = tmp_path / "alive"
    store(3)
    worker = start("--heartbeat", str(path))
    assert server.waiting.wait(30)
    worker.signal(signal.SIGKILL)
    worker.end()
    assert path.exists()
    store(3, "bulk")
    server.waiting.clear()
    worker = start("--heartbeat", str(path), aliases=("smtp", "bulk"))
    assert server.waiting.wait(30)
    worker.signal(signal.SIGTERM)
    worker.read_until(FINISHING)
    time.sleep(0.6)  # signals closer to each other count as one
    worker.signal(signal.SIGTERM)
    assert worker.end()[0] == 128 + signal.SIGTERM
    assert not path.exists()


def test_the_file_of_another_worker_stays(tmp_path):
    path = tmp_path / "alive"
    pulse = Heartbeat(path, every=5)
    pulse.begin()
    other = '{"pid": 7, "fresh_for": 65.0}'
    path.write_text(other)
    pulse.end()
    assert path.read_text() == other


def test_the_probe_needs_no_database_and_no_right_settings(tmp_path):
    (tmp_path / "alive").write_text('{"pid": 7, "fresh_for": 65.0}')
    with MisbehavingServer() as server:
        mailers = mailers_for(server) | {"wrong": 7}
        arguments = ("--health", "--heartbeat", str(tmp_path / "alive"))
        worker = WorkerProcess(tmp_path, "/nowhere/db.sqlite3", mailers, *arguments)
        try:
            assert worker.end() == (0, "")
            assert worker.output == "The worker is alive.\n"
        finally:
            worker.close()


def test_two_workers_on_one_database(start, server):
    server.gate.set()
    store(200)
    workers = [start("--drain"), start("--drain")]
    for worker in workers:
        assert worker.end() == (0, "")
    assert states() == ["sent"] * 200
    assert len(server.taken) == 200
    assert set(rows().values_list("attempts", flat=True)) == {1}


def _screen(output: str) -> list[str]:
    """What is left to be read: no line that was written over, no style."""
    text = re.sub(r"\x1b\[[\d;]*m", "", output).replace("\r\n", "\n")
    lines = [re.split(r"\r\x1b\[K|\x1b\[K\r", line)[-1] for line in text.split("\n")]
    return [line for line in lines if line]


def _columns(line: str) -> int:
    return len(re.sub(r"\x1b\[[\d;]*[mK]", "", line))


def _widest(output: str) -> int:
    return max(_columns(line) for line in re.split(r"[\r\n]", output))
