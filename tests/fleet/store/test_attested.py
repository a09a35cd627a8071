"""An office that is not sure of its clock rolls up nothing that its nodes' clocks do not call old."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.clocks import ClockQuality
from edge.wire.record import Record
from fleet.store.attested import attested_ms
from fleet.store.read import StoreReader
from fleet.store.retention import HOUR_MS
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Records, StoreError
from tests.fleet.store.lives import FAST
from tests.fleet.store.test_retention import BEGAN_MS, KEEP_MS, NAMES, at, chunk, clock, tidy

YEAR = 8766  # hours


def said(
    node: str, *chunks: Record, quality: ClockQuality = ClockQuality.SYNCED, arrived_ms: int = BEGAN_MS
) -> Records:
    return Records(node, (clock(BEGAN_MS, quality), NAMES, *chunks), arrived_ms)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "readings.db", KEEP_MS)


def test_a_leap_of_years_makes_nothing_old(store: SqliteStore) -> None:
    reader = StoreReader(store.path)
    store.commit([said(f"pole-{each}", chunk(3, [at(0)]), chunk(4, [at(9)])) for each in range(4)])
    tidy(store, 3 * YEAR, sure=False)
    assert reader.stored_readings() == 8
    store.commit([Records("pole-1", (chunk(5, [at(11.5)]),), BEGAN_MS)])
    tidy(store, 3 * YEAR + 2, sure=False)
    assert reader.stored_readings() == 9, "one node is not enough"
    store.commit([Records(f"pole-{each}", (chunk(6, [at(11.5)]),), BEGAN_MS) for each in (2, 3)])
    tidy(store, 3 * YEAR + 2.5, sure=False)
    assert reader.stored_readings() == 11, "they are asked once an hour"
    tidy(store, 3 * YEAR + 3, sure=False)
    assert reader.stored_readings() == 7, "an hour of four nodes is ten hours older than what three attest"
    tidy(store, 3 * YEAR, sure=True)
    assert reader.stored_readings() == 0


def test_without_a_word_of_the_time_nothing_is_old(store: SqliteStore) -> None:
    assert attested_ms(store.db) == 0
    store.commit([said(f"pole-{each}", chunk(3, [at(0), at(9)]), quality=ClockQuality.FLOOR) for each in range(4)])
    assert attested_ms(store.db) == 0
    tidy(store, YEAR, sure=False)
    assert StoreReader(store.path).stored_readings() == 8


def test_a_clock_behind_what_is_attested_counts_itself(store: SqliteStore) -> None:
    store.commit([said(f"pole-{each}", chunk(3, [at(0)]), chunk(4, [at(23)])) for each in range(3)])
    tidy(store, 10.9, sure=False)
    assert StoreReader(store.path).stored_readings() == 6
    tidy(store, 11.9, sure=False)
    assert StoreReader(store.path).stored_readings() == 3


@settings(max_examples=15)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=45))
def test_a_tenth_of_the_nodes_and_three_at_least(hours: list[int]) -> None:
    with TemporaryDirectory(dir=FAST) as folder:
        store = SqliteStore(Path(folder) / "readings.db", KEEP_MS)
        late_ms = BEGAN_MS + 1000 * HOUR_MS
        store.commit([said(f"pole-{n}", chunk(3, [at(hour)]), arrived_ms=late_ms) for n, hour in enumerate(hours)])
        attested, enough = attested_ms(store.db), max(min(3, len(hours)), len(hours) // 10)
        store.close()
    dates = [BEGAN_MS + hour * HOUR_MS for hour in hours]
    assert sum(date >= attested for date in dates) >= enough > sum(date > attested for date in dates)


def test_a_store_that_cannot_be_asked_says_so(store: SqliteStore) -> None:
    store.db.close()
    with pytest.raises(StoreError):
        store.tidy(BEGAN_MS, sure=False)
    tidy(store, 100, sure=False)


def test_an_office_that_was_years_behind_loses_nothing_once_its_clock_is_right(store: SqliteStore) -> None:
    reader, years_before = StoreReader(store.path), BEGAN_MS - 3 * YEAR * HOUR_MS
    for each in range(3):
        name = f"pole-{each}"
        store.commit([Records(name, (clock(BEGAN_MS), NAMES, chunk(3, [at(0)]), chunk(4, [at(8)])), years_before)])
    for sure in (False, True):
        tidy(store, 9, sure)
        assert reader.stored_readings() == 6
    tidy(store, 12, sure=False)
    assert reader.stored_readings() == 6, "its nodes attest nothing: by the office's word they are years ahead"
    tidy(store, 11, sure=True)
    assert reader.stored_readings() == 3, "by date"


def test_three_whose_clocks_are_wrong_do_not_attest_the_future(store: SqliteStore) -> None:
    store.commit([said(f"pole-{each}", chunk(3, [at(0)]), chunk(4, [at(12)])) for each in range(26)])
    store.commit([said(f"bad-{each}", chunk(3, [at(20 * YEAR)])) for each in range(3)])
    assert attested_ms(store.db) == BEGAN_MS + 12 * HOUR_MS
