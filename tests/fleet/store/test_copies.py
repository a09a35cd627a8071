"""An older copy of a journal is put back: it is seen and named, and neither copy is told that what it did not send is
here."""

from __future__ import annotations

from itertools import pairwise, permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.ranges import Ranges
from edge.wire.cells import Cell
from edge.wire.chunks import encode
from edge.wire.clocks import ClockQuality
from edge.wire.messages import Hello, State
from edge.wire.packs import repack
from edge.wire.record import Pack, Record, RecordKind, pack, unpack
from fleet.facts import all_facts
from fleet.health import checks
from fleet.store.answers import Loss
from fleet.store.losses import COPIED, TWICE
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import AckDue, Greeting, Parcel
from fleet.verify import journal_check
from tests.fleet.store.lives import FAST
from tests.fleet.store.test_losses import gap
from tests.fleet.store.test_packs import KNOWN, chunk, clock, event, journals, names, say

# The journal up to where both copies begin, then what the newer one wrote, and what two lives of the older one did.
BEGIN = (clock(1), names(2), chunk(3), chunk(4))
NEWER = (gap(1004, 5, 1003), chunk(1005), chunk(1006))
OLDER = (gap(504, 5, 503), chunk(505), chunk(506))
OLDER_THEN = (gap(2004, 507, 2003), chunk(2005))


def hello(lowest: int, following: int, acked: int | None = None, readings: int = 0) -> Greeting:
    return Greeting("pole-1", Hello("pole-1", "b" * 32, 7, lowest, following, readings_total=readings, acked=acked), 1)


def told(ack: AckDue) -> set[int]:
    """The seqs near the records that this ack says are here."""
    settled = Ranges([(0, ack.upto), *ack.ranges])
    return {seq for seq in (*range(1, 10), *range(500, 510), *range(1000, 1010), *range(2000, 2010)) if seq in settled}


def found(store: SqliteStore) -> list[tuple[int, bytes]]:
    return store.db.execute("SELECT seq, digest FROM copies ORDER BY 1, 2").fetchall()


def test_an_older_copy_that_leapt_to_where_the_newer_one_leapt_over(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(1, 1), say(*BEGIN, *NEWER)])
    (ack,) = store.commit([hello(504, 504, acked=4)]).acks
    assert ack.upto == 1006 and found(store) == []  # nobody can know yet; the node sees that 1006 is not its own
    (ack,) = store.commit([say(OLDER[0])]).acks
    assert told(ack) == {1, 2, 3, 4, 504, 1004, 1005, 1006}
    (ack,) = store.commit([say(OLDER[1])]).acks
    assert told(ack) == {1, 2, 3, 4, 504, 505, 1004, 1005, 1006}
    assert found(store) == [(504, b"leap"), (1004, b"leap")]
    store.close()
    (ack,) = SqliteStore(store.path).commit([say(OLDER[1])]).acks
    assert told(ack) == {1, 2, 3, 4, 504, 505, 1004, 1005, 1006}
    assert reader.losses() == [
        Loss("pole-1", 7, 5, 503, None, COPIED, 0),
        Loss("pole-1", 7, 5, 1003, None, COPIED, 0, 2),
    ]


def test_what_an_offline_life_of_the_older_copy_holds_is_not_acked_by_the_leaps_around_it(store: SqliteStore) -> None:
    store.commit([say(*BEGIN, *NEWER)])
    (ack,) = store.commit([hello(504, 2005, acked=4), say(*OLDER_THEN)]).acks
    assert told(ack) == {1, 2, 3, 4, 1004, 1005, 1006, 2004, 2005}
    (ack,) = store.commit([say(*OLDER)]).acks
    assert told(ack) >= {504, 505, 506} and not told(ack) & {500, 507}


def test_a_late_hello_of_the_newer_copy_is_mended_by_the_next_of_the_older_one(store: SqliteStore) -> None:
    store.commit([say(*BEGIN, *NEWER), hello(504, 505, acked=4), say(OLDER[0])])
    (ack,) = store.commit([hello(1007, 1007, acked=1006)]).acks
    assert 505 in told(ack) and ack.upto == 1006  # which the older copy does not believe
    (ack,) = store.commit([hello(504, 506, acked=4)]).acks
    assert 505 not in told(ack)


def test_what_was_lost_is_acked_but_for_what_lies_where_it_leapt(store: SqliteStore) -> None:
    store.commit([say(*BEGIN, *NEWER), hello(505, 509, acked=4), say(OLDER[0])])
    (ack,) = store.commit([say(gap(508, 505, 507, 9, "journal full"), gap(1007, 2, 1005, 9, "journal full"))]).acks
    assert told(ack) == {1, 2, 3, 4, 504, 508, 1004, 1005, 1006, 1007}  # where the other leapt nobody can tell
    (ack,) = store.commit([say(gap(1010, 1007, 1009, 9, "journal full"))]).acks
    assert told(ack) == {1, 2, 3, 4, 504, 508, *range(1004, 1010)}


def test_what_came_where_a_loss_took_a_leap_along_is_told_by_itself(store: SqliteStore) -> None:
    store.commit([say(*BEGIN, chunk(5), gap(1004, 6, 1003, 0, "journal full"), chunk(1005)), hello(504, 507, acked=4)])
    for again in (False, True):
        (ack,) = store.commit([say(*OLDER[: 2 + again])]).acks
        assert (504, 505 + again) in ack.ranges and ack.ranges[-1] == (506 + again, 1005)
        store.close()
        store = SqliteStore(store.path)
    store.close()


def test_one_journal_that_leaps_has_no_copies(store: SqliteStore, reader: StoreReader) -> None:
    again = gap(2010, 5, 2003, 40, "journal full")
    batches: list[list[Parcel]] = [
        [hello(1, 5), say(*BEGIN)], [hello(5, 1005, 4, 9), say(*NEWER)], [hello(1007, 2007, 1006, 20)],
        [say(gap(2004, 1007, 2003), chunk(2005))], [say(again)], [say(*BEGIN, *NEWER)],
    ]  # fmt: skip
    for batch in batches:
        acks = store.commit(batch).acks
    assert found(store) == [] and acks[0].upto == 2005
    assert COPIED not in {loss.why for loss in reader.losses()}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_it_is_seen_in_whatever_order_it_comes(store: SqliteStore, order: tuple[int, ...]) -> None:
    parts = [NEWER, OLDER, OLDER_THEN]
    for part in order:
        for record in parts[part]:
            store.commit([say(record)])
    assert found(store) == [(504, b"leap"), (1004, b"leap"), (2004, b"leap")]


def test_a_record_where_the_other_copy_leapt_shows_it_whichever_is_first(store: SqliteStore) -> None:
    store.commit([say(*BEGIN, gap(504, 5, 503))])
    store.commit([say(chunk(6))])  # the newer copy went on without a restart
    assert found(store) == [(504, b"leap")]
    store.commit([say(chunk(600), gap(700, 505, 699))])
    assert found(store) == [(504, b"leap"), (700, b"leap")]


def test_what_one_copy_wrote_right_behind_what_both_have_is_told_apart(store: SqliteStore) -> None:
    """Each copy believes only what ends at a number of its own."""
    store.commit([say(*BEGIN), hello(4, 504, 3)])
    (ack,) = store.commit([say(chunk(5), chunk(6), OLDER[0])]).acks
    assert (ack.upto, ack.ranges) == (4, ((5, 6), (504, 504)))
    (ack,) = store.commit([hello(5, 505, 4)]).acks
    assert (ack.upto, ack.ranges) == (4, ((5, 6), (504, 504)))
    (ack,) = store.commit([say(chunk(503))]).acks
    assert (ack.upto, ack.ranges) == (4, ((5, 6), (503, 503), (504, 504)))


def test_a_hello_whose_readings_became_fewer_while_its_numbers_rose(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([say(*BEGIN), hello(1, 5, readings=8)])
    store.commit([hello(1, 9, readings=20)])
    store.commit([hello(1, 6, readings=9)])  # an old one, late
    assert found(store) == []
    store.commit([hello(1, 600, readings=12)])
    assert found(store) == [(600, b"hello")]
    assert Loss("pole-1", 7, 600, 600, None, COPIED, 0) in reader.losses()


def test_an_operator_sees_it(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(1, 1), say(*BEGIN, *NEWER, *OLDER)])
    (facts,) = all_facts(reader, ["pole-1"])
    (check,) = [check for check in checks(facts, 2) if check.name == "gaps"]
    assert check.state is State.BAD and "older copy" in check.reason and "fleet data rescue" in check.remedy


def test_accounts_of_two_copies_are_not_said_to_be_wrong(store: SqliteStore, reader: StoreReader) -> None:
    both = BEGIN[2].count + BEGIN[3].count
    store.commit([say(*BEGIN, *NEWER), hello(504, 507, 4, both + OLDER[1].count + OLDER[2].count), say(*OLDER)])
    (account,) = reader.accounts()
    check = journal_check(account)
    assert account.copied and check.state is State.UNKNOWN and "two copies" in check.reason


# One number, two records.


def other_chunk(seq: int) -> Record:
    cells = [Cell(seq * 1000 + 10 * n, n % 2, 100 * seq + n + 1, n % 3) for n in range(1 + seq % 4)]
    return Record(7, seq, RecordKind.CHUNK, len(cells), encode(KNOWN_SCHEMA, 1, ClockQuality.SYNCED, cells))


KNOWN_SCHEMA = next(iter(KNOWN.values()))
TWO = [
    (chunk(5), other_chunk(5)),
    (chunk(5), event(5)),
    (event(5), event(5, '{"at_ms":2,"what":"door"}')),
    (clock(5), clock(5, offset=10**12 + 1)),
    (gap(5, 3, 4, 7, "journal full"), gap(5, 3, 4, 8, "journal full")),
    (names(5), names(5, 1)),
    (chunk(5, schema=1), chunk(5, schema=1, boot=2)),  # waits for its schema
    (chunk(5), Record(7, 5, RecordKind.CHUNK, 2, b"rubbish")),
    (Record(7, 5, RecordKind.EVENT, 0, b"\xff"), Record(7, 5, RecordKind.EVENT, 0, b"\xfe")),
]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("first", "second"), TWO)
def test_the_second_is_kept_as_it_came_and_named(
    store: SqliteStore, reader: StoreReader, first: Record, second: Record, together: bool
) -> None:
    store.commit([say(clock(1), names(2))])
    for batch in [[say(first), say(second)]] if together else [[say(first)], [say(second)]]:
        (ack,) = store.commit(batch).acks
    assert 5 in told(ack)
    store.commit([say(second), say(first)])
    ((seq, payload, records),) = store.db.execute("SELECT seq, payload, records FROM copies").fetchall()
    assert (seq, records) == (5, 1) and unpack(payload) == [second]
    assert [(loss.first, loss.last, loss.arrived) for loss in reader.losses() if loss.why == TWICE] == [(5, 5, 1)]


def test_of_a_pack_in_which_one_differs_the_whole_is_kept(store: SqliteStore) -> None:
    store.commit([say(clock(1), names(2), *(chunk(seq) for seq in range(3, 7)))])
    (item,) = repack([chunk(3), other_chunk(4), chunk(5), other_chunk(6), chunk(7)], KNOWN.get)
    assert isinstance(item, Pack) and store.commit([say(item)]).quarantined == 2
    ((seq, payload, records),) = store.db.execute("SELECT seq, payload, records FROM copies").fetchall()
    assert (seq, records, payload) == (4, 2, pack(item))


@settings(max_examples=40)
@given(journals(), st.lists(st.integers(1, 20), max_size=6))
def test_what_comes_again_in_another_packing_is_the_same(told: list[Record], cuts: list[int]) -> None:
    with TemporaryDirectory(dir=FAST) as folder:
        tell_twice(SqliteStore(Path(folder) / "readings.db"), told, cuts)


def tell_twice(store: SqliteStore, told: list[Record], cuts: list[int]) -> None:
    edges = [0, *sorted({cut for cut in cuts if cut < len(told)}), len(told)]
    for _ in range(2):
        store.commit([say(record) for record in told])
        for begin, end in pairwise(edges):
            if told[begin:end]:
                store.commit([say(*repack(told[begin:end], KNOWN.get))])
    assert found(store) == []
    store.close()
