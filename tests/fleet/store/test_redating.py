"""Time is repaired afterwards, in a real store: dates move, and the original, the time since boot, stays.

Each test tells the records in every order, for the network keeps none, and asks for the same rows each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.record import Record, RecordKind
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Records
from tests.fleet.store.lives import FAST, SCHEMAS

SYNCED, HOLDOVER, FLOOR, UNKNOWN = ClockQuality
NOW_MS = 1_800_000_000_000
YEARS = 10 * 365 * 86_400_000
FIRST, OTHER = "a" * 32, "b" * 32
Row = tuple[int, int, int, int | None]  # seq, ms since boot, Unix ms, quality


def clock(
    seq: int, offset_ms: int | None, quality: ClockQuality, error_ms: int | None = 10, boot: str = FIRST
) -> Record:
    return Record(7, seq, RecordKind.CLOCK, 0, to_json(ClockRecord(3, boot, offset_ms, quality, error_ms)))


def chunk(seq: int, at_ms: int | None = None) -> Record:
    """A reading a second; the seq gives the time since boot unless it is said."""
    body = encode(SCHEMAS[0], 3, UNKNOWN, [Cell(seq * 1_000 if at_ms is None else at_ms, 0, seq, 0)])
    return Record(7, seq, RecordKind.CHUNK, 1, body)


def rows(records: Sequence[Record], batch: int = 1) -> list[Row]:
    """What a store holds after these, by (epoch, seq)."""
    with TemporaryDirectory(dir=FAST) as folder:
        return told_to(Path(folder) / "readings.db", records, batch)


def told_to(path: Path, records: Sequence[Record], batch: int) -> list[Row]:
    store, reader = SqliteStore(path), StoreReader(path)
    store.commit([Records("pole-1", [Record(7, 99, RecordKind.SCHEMA, 0, SCHEMAS[0].encode())], 1)])
    for at in range(0, len(records), batch):
        store.commit([Records("pole-1", records[at : at + batch], 1)])
    sql = """SELECT seq, t_ms - coalesce(offset_ms, 0), t_ms, quality FROM readings
             JOIN receipts ON receipts.id=receipt ORDER BY epoch, seq"""
    found = store.db.execute(sql).fetchall()
    assert reader.duplicated_rows() == 0 and reader.stored_readings() == sum(r.count for r in records)
    reader.close()
    store.close()
    return found


LIVES: dict[str, tuple[list[Record], list[Row]]] = {
    "1970 at boot, and then somebody knows": (
        [clock(1, None, UNKNOWN, None), chunk(2), chunk(3), clock(4, NOW_MS, SYNCED), chunk(5)],
        [(2, 2_000, NOW_MS + 2_000, 0), (3, 3_000, NOW_MS + 3_000, 0), (5, 5_000, NOW_MS + 5_000, 0)],
    ),
    "nobody ever knows": ([clock(1, None, UNKNOWN, None), chunk(2)], [(2, 2_000, 2_000, 3)]),
    "a floor, and then somebody knows": (
        [clock(1, NOW_MS - YEARS, FLOOR, None), chunk(2), clock(3, NOW_MS, SYNCED), chunk(4)],
        [(2, 2_000, NOW_MS + 2_000, 0), (4, 4_000, NOW_MS + 4_000, 0)],
    ),
    "only a floor": ([clock(1, NOW_MS, FLOOR, None), chunk(2)], [(2, 2_000, NOW_MS + 2_000, 2)]),
    "a kernel that nobody vouches for is stepped, and then synchronised": (
        [
            clock(1, NOW_MS, UNKNOWN, None),
            chunk(2),
            clock(3, NOW_MS + YEARS, UNKNOWN, None),
            chunk(4),
            clock(5, NOW_MS + 7, SYNCED),
        ],
        [(2, 2_000, NOW_MS + 2_007, 0), (4, 4_000, NOW_MS + 4_007, 0)],
    ),
    "ten years ahead while synchronised, and back": (
        [
            clock(1, NOW_MS, SYNCED),
            chunk(2),
            clock(3, NOW_MS + YEARS, SYNCED),
            chunk(4),
            clock(5, NOW_MS, SYNCED),
            chunk(6),
        ],
        [(2, 2_000, NOW_MS + 2_000, 0), (4, 4_000, NOW_MS + YEARS + 4_000, 0), (6, 6_000, NOW_MS + 6_000, 0)],
    ),
    "ten years back while synchronised": (
        [clock(1, NOW_MS, SYNCED), chunk(2), clock(3, NOW_MS - YEARS, SYNCED), chunk(4)],
        [(2, 2_000, NOW_MS + 2_000, 0), (4, 4_000, NOW_MS - YEARS + 4_000, 0)],
    ),
    "a leap second: two readings of one moment by the wall": (
        [clock(1, NOW_MS, SYNCED), chunk(2), clock(3, NOW_MS - 1_000, SYNCED), chunk(4, 3_000)],
        [(2, 2_000, NOW_MS + 2_000, 0), (4, 3_000, NOW_MS + 2_000, 0)],
    ),
    "a clock chip that was right within what it admits": (
        [clock(1, NOW_MS + 900, HOLDOVER, 1_000), chunk(2), clock(3, NOW_MS, SYNCED), chunk(4)],
        [(2, 2_000, NOW_MS + 2_900, 1), (4, 4_000, NOW_MS + 4_000, 0)],
    ),
    "a clock chip that was wrong": (
        [clock(1, NOW_MS + 90_000, HOLDOVER, 1_000), chunk(2), clock(3, NOW_MS, SYNCED), chunk(4)],
        [(2, 2_000, NOW_MS + 2_000, 0), (4, 4_000, NOW_MS + 4_000, 0)],
    ),
    "the number of another boot": (
        [clock(1, NOW_MS, SYNCED), chunk(2), clock(3, None, UNKNOWN, None, OTHER), chunk(4)],
        [(2, 2_000, NOW_MS + 2_000, 0), (4, 4_000, 4_000, 3)],
    ),
}


@pytest.mark.parametrize("what", LIVES)
def test_whatever_order_the_records_come_in(what: str) -> None:
    told, expected = LIVES[what]
    orders = list(permutations(told))
    for order in orders[:: max(1, len(orders) // 8)]:
        assert rows(order) == expected, order
    assert rows(told[::-1], len(told)) == expected


OFFSETS = st.sampled_from([None, NOW_MS - YEARS, NOW_MS, NOW_MS + 500, NOW_MS + YEARS])
CLOCKS = st.tuples(OFFSETS, st.sampled_from(ClockQuality), st.none() | st.integers(0, 2_000),
                   st.sampled_from([FIRST, FIRST, OTHER]))  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(CLOCKS | st.none(), min_size=1, max_size=6), st.randoms(use_true_random=False), st.integers(1, 4))
def test_the_time_since_boot_is_never_touched(
    life: list[tuple[int | None, ClockQuality, int | None, str] | None],
    dice: Random, batch: int,
) -> None:  # fmt: skip
    told = [chunk(seq) if one is None else clock(seq, *one) for seq, one in enumerate(life, start=1)]
    shuffled = list(told)
    dice.shuffle(shuffled)
    found = rows(shuffled, batch)
    assert found == rows(told)
    assert [(seq, boot_ms) for seq, boot_ms, *_ in found] == [(r.seq, r.seq * 1_000) for r in told if r.count]


def test_two_receipts_of_one_moment_of_one_boot_are_a_duplicate(tmp_path: Path) -> None:
    store, reader = SqliteStore(tmp_path / "readings.db"), StoreReader(tmp_path / "readings.db")
    told = [clock(1, NOW_MS, SYNCED), chunk(2), chunk(3, 2_000)]
    store.commit([Records("pole-1", [Record(7, 9, RecordKind.SCHEMA, 0, SCHEMAS[0].encode()), *told], 1)])
    assert reader.duplicated_rows() == 1
    store.commit([Records("pole-1", [clock(5, NOW_MS - 1_000, SYNCED), chunk(6, 3_000), chunk(7, 3_000)], 1)])
    assert reader.duplicated_rows() == 2
    store.close()
    reader.close()
