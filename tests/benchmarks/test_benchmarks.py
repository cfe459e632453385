"""The measuring measures what it says: nothing here passes or fails on how fast it was."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import corpus, peers, table
from benchmarks.rounds import Contestant, race
from benchmarks.rows import ROWS, MemoryRow

RUN = Path(__file__).with_name("run.py")


def test_the_mail_is_what_the_table_says():
    to_bytes = peers.djangos_bytes()
    wires = [to_bytes(message) for message in corpus.messages(corpus.english, 3)]
    assert all(8_500 <= len(wire) <= 9_500 for wire in wires)
    assert all(wire.isascii() for wire in wires)
    assert len({wire.partition(b"\r\n\r\n")[2] for wire in wires}) == 3
    german = corpus.german(1)
    texts = [german.subject, german.from_email, german.to[0], german.body]
    assert not any(text.isascii() for text in texts)
    assert len(to_bytes(corpus.with_attachment(1))) > 400_000


def test_a_backend_is_given_the_options_it_has():
    options = {"timeout": 3, "colour": "green"}
    assert peers.understood(peers.OurBackend, **options) == {"timeout": 3}
    assert peers.understood(peers.DjangosBackend, timeout=3) == {}


def contestant(name, log, *, done=None, missing=""):
    def work(count):
        log.append((name, count))
        return count if done is None else done

    return Contestant(name=name, prepare=int, work=work, missing=missing)


def test_everybody_does_the_same_work_and_takes_turns_to_begin():
    log = []
    field = [contestant(name, log) for name in "abc"]
    field.insert(1, contestant("x", log, missing="not there"))
    scores = race(field, count=20, rounds=3)
    assert log[:3] == [("a", 2), ("b", 2), ("c", 2)]
    assert "".join(name for name, count in log[3:] if count == 20) == "abcbcacab"
    assert [score.ratio > 0 for score in scores] == [True, False, True, True]
    assert scores[0].ratio == 1
    assert all(score.lowest <= score.ratio <= score.highest for score in scores)


def test_mail_that_did_not_arrive_is_no_figure():
    with pytest.raises(RuntimeError, match="b: 1 of 2 messages done"):
        race(
            [contestant("a", []), contestant("b", [], done=1)],
            count=2,
            rounds=1,
        )


def run(*arguments):
    result = subprocess.run(
        [sys.executable, str(RUN), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_row_is_printed_and_put_into_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- speed -->\nold\n<!-- /speed -->\nAfter\n")
    output = run(
        "--quick", "--markdown", "--write", str(page), "--rows", ",".join(ROWS)
    )
    assert page.read_text() == (
        f"Before\n<!-- speed -->\n\n{output}\n<!-- /speed -->\nAfter\n"
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in output.splitlines()
        if line.startswith("|")
    ]
    for row in ROWS.values():
        title = row.title.partition("{")[0]
        found = [cells for cells in rows if cells[0].startswith(title)]
        assert len(found) == (2 if isinstance(row, MemoryRow) else 1), row.name
        for _, times, _, django, _, note in found:
            assert re.fullmatch(r"[\d.]+ x", times) or note.startswith("not there")
            assert re.match(r"[\d.,]+(/s| MB)$", django)
    assert sum(cells[0].startswith("beside it: ") for cells in rows) == 3
    assert re.search(
        r"`(python tests/benchmarks/run.py|tox -e \S+ --) --quick`", output
    )


def test_a_profile_says_where_the_time_goes():
    output = run("--quick", "--own-sink", "--profile", "batch")
    assert "Ordered by: internal time" in output
    assert "of '_socket.socket' objects" in output


def test_a_table_in_text_has_its_columns_below_each_other():
    lines = [table.Line(title="a", times="2 x"), table.Line(title="bb", note="why")]
    heading, first, second = table.as_text(lines, "cmd").splitlines()[2:]
    assert first.index("2 x") + 3 == heading.index("times Django") + 12
    assert second.endswith("why")


def test_a_page_without_markers_stays_as_it_is(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("No markers")
    with pytest.raises(SystemExit, match="has no"):
        table.write_between_markers(page, "table")
    assert page.read_text() == "No markers"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0001, "10,000/s"), (0.08, "12.5/s"), (0.6, "1.67/s")]
)
def test_rates(seconds, words):
    assert table.rate(seconds) == words
