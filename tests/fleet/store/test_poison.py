"""Whose fault a failed commit is: a store that cannot work says "try again", and only a record that can never be
filed is poison, which is then kept as it came and acknowledged as that.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge.wire.record import Record
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import PoisonError, Records, State, StoreError
from fleet.store.tables import VERSION
from tests.fleet.store.test_sqlite import chunk, clock, names, say

A_BUG = "CREATE TRIGGER bug BEFORE INSERT ON readings WHEN NEW.steps={} BEGIN SELECT RAISE(ABORT, 'a bug of ours'); END"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


@pytest.fixture
def store(path: Path) -> SqliteStore:
    """A store with a bug: it cannot file record 4."""
    store = SqliteStore(path)
    store.db.execute(A_BUG.format(2004))
    return store


def of_version(path: Path, version: int) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version={version}")
    db.close()


def test_a_store_that_could_not_be_opened_again_blames_no_batch(store: SqliteStore, path: Path) -> None:
    of_version(path, VERSION + 1)
    with pytest.raises(StoreError, match="opened again"):
        store.commit(say(clock(1, 5), names(2), chunk(4)))
    for _ in range(2):
        with pytest.raises(StoreError, match="opened again") as raised:
            store.commit(say(clock(1, 5), names(2), chunk(3)))
        assert not isinstance(raised.value, PoisonError)
    of_version(path, VERSION)
    (ack,) = store.commit(say(clock(1, 5), names(2), chunk(3))).acks
    assert (ack.upto, StoreReader(path).stored_readings()) == (3, 2)


def test_a_connection_that_is_closed_under_it_is_opened_again(store: SqliteStore, path: Path) -> None:
    store.db.close()
    with pytest.raises(StoreError, match="closed") as raised:
        store.commit(say(clock(1, 5)))
    assert not isinstance(raised.value, PoisonError)
    assert store.commit(say(clock(1, 5))).acks[0].upto == 1


def test_poison_is_kept_as_it_came_and_acked(store: SqliteStore, path: Path) -> None:
    store.commit(say(clock(1, 5), names(2), chunk(3)))
    with pytest.raises(PoisonError, match="a bug of ours"):
        store.commit(say(chunk(4)))
    done = store.quarantine(Records("pole-1", [chunk(3), chunk(4)], 1000), "a bug \ud800" * 200)
    assert (done.acks[0].upto, done.quarantined, done.duplicates) == (4, 1, 1)
    reader = StoreReader(path)
    assert (reader.stored_readings(), reader.waiting_readings(State.QUARANTINED)) == (2, 2)
    (why, body) = store.db.execute("SELECT why, body FROM raw").fetchone()
    assert body == chunk(4).body and why.startswith("a bug ?")
    again = store.quarantine(Records("pole-1", [chunk(4)], 1000), "again")
    assert (again.acks[0].upto, again.quarantined, again.duplicates) == (4, 0, 1)


@pytest.mark.parametrize("kind", range(1, 16))
def test_whatever_a_record_claims_to_be_it_can_be_set_aside(path: Path, kind: int) -> None:
    store = SqliteStore(path)
    done = store.quarantine(Records("pole-1", [Record(9, 1, kind, 3, b"\xff")], 1000), "it raised")
    assert (done.acks[0].upto, done.quarantined, done.rows) == (1, 1, {})
    assert StoreReader(path).unread()["pole-1"].quarantined == 1
