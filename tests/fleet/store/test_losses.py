"""What is missing: numbers that were never given out are no loss, and a loss lies between two dates."""

from __future__ import annotations

from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.jsontext import to_json
from edge.wire.messages import GapRecord, Hello
from edge.wire.packs import repack
from edge.wire.record import Record, RecordKind
from fleet.store.answers import Loss
from fleet.store.losses import COPIED, FORSAKEN
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting
from tests.fleet.store.test_packs import KNOWN, chunk, clock, names, packed, say

LEAP = 1 << 20
WHY = "skipped after a restart of the node"
FULL = "journal full"


def gap(seq: int, first: int, last: int, readings: int = 0, why: str = WHY) -> Record:
    return Record(7, seq, RecordKind.GAP, 0, to_json(GapRecord(first, last, readings, why)))


def test_numbers_that_were_never_given_out_are_no_loss(store: SqliteStore, reader: StoreReader) -> None:
    (ack,) = store.commit([say(clock(1), names(2), chunk(3), gap(LEAP, 4, LEAP - 1))]).acks
    assert (ack.upto, reader.losses()) == (LEAP, [])
    assert reader.losses("pole-1") == [] and reader.waiting_records() == {"pole-1": 0}
    (line,) = reader.gaps("pole-1", everything=True)
    assert line.loss == Loss("pole-1", 7, 4, LEAP - 1, 0, WHY, 0)


def test_a_gap_that_reaches_over_them_counts_only_what_was_given_out(store: SqliteStore, reader: StoreReader) -> None:
    full = gap(LEAP + 9, 3, LEAP + 5, 90, FULL)
    store.commit([say(clock(1), names(2), gap(LEAP, 4, LEAP - 1), full)])
    (loss,) = reader.losses()
    assert loss == Loss("pole-1", 7, 3, LEAP + 5, 90, FULL, 1 + 5, 1)  # seq 3, and five behind the record at LEAP
    store.commit([say(chunk(3))])
    assert reader.losses() == [Loss("pole-1", 7, 3, LEAP + 5, 90 - chunk(3).count, FULL, 5, 2)]


def test_what_came_before_its_number_was_skipped_fills_no_gap(store: SqliteStore, reader: StoreReader) -> None:
    """A disk that lied forgot what the office has: the node left those numbers out."""
    store.commit([say(names(2), chunk(5), chunk(6), gap(LEAP, 4, LEAP - 1), gap(LEAP + 9, 3, LEAP + 5, 90, FULL))])
    loss, copied = reader.losses()
    assert (loss.readings, loss.records, loss.arrived) == (90, 6, 1)
    assert copied == Loss("pole-1", 7, 4, LEAP - 1, None, COPIED, 0, 2)
    skipped = reader.gaps(everything=True)[-2].loss
    assert (skipped.records, skipped.arrived) == (0, 2)


def test_an_old_journal_with_a_leap_that_was_not_drained_is_forsaken_but_for_the_leap(
    store: SqliteStore, reader: StoreReader
) -> None:
    (item,) = repack([chunk(seq) for seq in range(LEAP + 1, LEAP + 4)], KNOWN.get)
    store.commit([say(clock(1), names(2), gap(LEAP, 4, LEAP - 1)), say(packed(LEAP + 1, LEAP + 3))])
    assert item == packed(LEAP + 1, LEAP + 3)
    store.commit([Greeting("pole-1", Hello("pole-1", "b" * 32, 7, 3, LEAP + 9), 1000)])
    store.commit([Greeting("pole-1", Hello("pole-1", "c" * 32, 8, 1, 1), 1000)])
    assert reader.losses() == [
        Loss("pole-1", 7, 3, 3, None, FORSAKEN, 1), Loss("pole-1", 7, LEAP + 4, LEAP + 8, None, FORSAKEN, 5)
    ]  # fmt: skip


def test_a_loss_lies_between_two_dates(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(clock(1, offset=10**12), names(2), chunk(3), chunk(6), gap(7, 4, 5, 3, FULL))])
    (line,) = reader.gaps()
    assert (line.from_ms, line.to_ms) == (10**12 + 3030, 10**12 + 6000)
    store.commit([say(chunk(4), chunk(5))])
    assert reader.gaps() == []
    (line,) = reader.gaps(everything=True)
    assert line.loss == Loss("pole-1", 7, 4, 5, 0, FULL, 0, 2)


def test_undated_neighbours_date_nothing(store: SqliteStore, reader: StoreReader) -> None:
    unset = Record(7, 1, RecordKind.CLOCK, 0, to_json(ClockRecord(1, "b" * 32, None, ClockQuality.UNKNOWN)))
    store.commit([say(unset, names(2), chunk(3), gap(7, 4, 5, 3, FULL))])
    (line,) = reader.gaps()
    assert (line.from_ms, line.to_ms) == (None, None)
