"""What a preview writes stays in no database, and a database that it does not ask may be down."""

from __future__ import annotations

import sqlite3

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, connections
from django.db import transaction as transactions
from django.test import SimpleTestCase
from django.test.testcases import DatabaseOperationForbidden

from django_mailplus.previews.isolation import isolated

pytestmark = pytest.mark.django_db


@pytest.fixture
def other_database(monkeypatch):
    """Adds one to the project for the time of the test, under the alias "other"."""

    def add(**configured):
        usual = {**connections.settings["default"], "HOST": "", "OPTIONS": {}}
        monkeypatch.setitem(connections.settings, "other", {**usual, **configured})
        # Django's guard of tests knows the databases that were there when they began.
        connections["other"].alias = "default"
        return connections["other"]

    yield add
    connections["other"].close()
    del connections["other"]


@pytest.fixture
def other(other_database, tmp_path):
    """A file with one row; nobody is connected."""
    file = tmp_path / "other.sqlite3"
    with sqlite3.connect(file) as direct:
        direct.execute("CREATE TABLE tea (name text)")
        direct.execute("INSERT INTO tea VALUES ('Assam')")
    direct.close()
    return other_database(ENGINE="django.db.backends.sqlite3", NAME=str(file))


def teas(file):
    direct = sqlite3.connect(file)
    try:
        return [name for (name,) in direct.execute("SELECT name FROM tea")]
    finally:
        direct.close()


def add_tea(name="Sencha"):
    with connections["other"].cursor() as cursor:
        cursor.execute("INSERT INTO tea VALUES (%s)", [name])
        cursor.execute("SELECT COUNT(*) FROM tea")
        return cursor.fetchone()[0]


def write():
    assert add_tea() == 2


def write_in_a_block():
    with transactions.atomic(using="other"):
        add_tea()
    assert connections["other"].in_atomic_block
    assert add_tea() == 3


def write_in_a_block_without_savepoint():
    with transactions.atomic(using="other", savepoint=False):
        add_tea()
    assert add_tea() == 3


def write_in_a_durable_block():
    with transactions.atomic(using="other", durable=True):
        add_tea()
    with transactions.atomic(using="other", durable=True):
        assert add_tea() == 3


def fail_in_a_block():
    @transactions.atomic(using="other")
    def fail():
        add_tea()
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (its own)
        fail()
    assert add_tea() == 2


def wait_for_a_commit():
    transactions.on_commit(add_tea, using="other")
    with transactions.atomic(using="other"):
        transactions.on_commit(add_tea, using="other")
        assert add_tea() == 2


def commit():
    add_tea()
    with pytest.raises(transactions.TransactionManagementError):
        transactions.commit(using="other")


def end_autocommit():
    with pytest.raises(transactions.TransactionManagementError):
        transactions.set_autocommit(True, using="other")
    add_tea()


def close():
    add_tea()
    connections["other"].close()


def ask_for_autocommit():
    assert not transactions.get_autocommit(using="other")
    add_tea()


DEEDS = [
    write,
    write_in_a_block,
    write_in_a_block_without_savepoint,
    write_in_a_durable_block,
    fail_in_a_block,
    wait_for_a_commit,
    commit,
    end_autocommit,
    close,
    ask_for_autocommit,
]


@pytest.mark.parametrize("is_connected", [False, True])
@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_stays(other, deed, is_connected):
    if is_connected:
        other.ensure_connection()
    for _ in range(2):
        with isolated():
            deed()
        assert teas(other.settings_dict["NAME"]) == ["Assam"]
        assert not other.in_atomic_block
        assert other.atomic_blocks == other.savepoint_ids == other.run_on_commit == []
    assert add_tea() == 2
    assert teas(other.settings_dict["NAME"]) == ["Assam", "Sencha"]
    assert transactions.get_autocommit(using="other")


def test_a_connection_that_commits_by_hand_stays_so(other):
    other.settings_dict["AUTOCOMMIT"] = False
    with isolated():
        add_tea()
    assert not transactions.get_autocommit(using="other")
    transactions.commit(using="other")
    assert teas(other.settings_dict["NAME"]) == ["Assam"]


def test_to_close_what_is_not_open_yet_changes_nothing(other):
    with isolated():
        other.close()
        add_tea()
    assert teas(other.settings_dict["NAME"]) == ["Assam"]


def test_nobody_connects_to_what_is_not_asked(other):
    with isolated():
        get_user_model().objects.exists()
    assert other.connection is None
    assert "connect" not in vars(other)


@pytest.fixture
def absent(other_database):
    """A database whose server is not there."""
    pytest.importorskip("psycopg")
    return other_database(
        ENGINE="django.db.backends.postgresql", NAME="x", HOST="127.0.0.1", PORT=1
    )


def test_a_server_that_is_not_there_is_not_missed(absent, found):
    case = found(
        previews="""
        from django.contrib.auth import get_user_model
        from django.core.mail import EmailMessage
        from django_mailplus.previews import preview

        @preview
        def writes():
            user = get_user_model().objects.create_user("ann")
            return EmailMessage(f"For {user}")
        """
    )["shop_app.writes"].cases[0]
    for _ in range(2):
        assert case.show().message.subject == "For ann"
    assert not get_user_model().objects.exists()


def test_asking_it_is_an_error_that_a_preview_may_expect(absent):
    for _ in range(2):
        with isolated():
            for _ in range(2):
                with pytest.raises(OperationalError):
                    absent.cursor()
                with (
                    pytest.raises(OperationalError),
                    transactions.atomic(using="other"),
                ):
                    pass
        assert absent.atomic_blocks == []
        assert not absent.in_atomic_block
        assert "connect" not in vars(absent)


def test_a_test_that_may_ask_no_database_stays_one_that_may_not(other):
    class Guarded(SimpleTestCase):
        databases = ("default",)

    Guarded.setUpClass()
    try:
        for _ in range(2):
            with isolated(), pytest.raises(DatabaseOperationForbidden):
                other.connect()
            with pytest.raises(DatabaseOperationForbidden):
                other.connect()
    finally:
        Guarded.tearDownClass()
        Guarded.doClassCleanups()
    assert add_tea() == 2


@pytest.mark.django_db(transaction=True)
def test_the_usual_database_from_its_first_connection_on():
    connection.close()
    called = []
    with isolated():
        transactions.on_commit(lambda: called.append(1))
        with transactions.atomic(durable=True):
            get_user_model().objects.create_user("ann")
        assert get_user_model().objects.count() == 1
    assert get_user_model().objects.count() == 0
    assert called == []


def test_a_durable_block_in_a_block_is_refused_as_ever():
    with (
        isolated(),
        transactions.atomic(),
        pytest.raises(RuntimeError, match="durable"),
        transactions.atomic(durable=True),
    ):
        pass
