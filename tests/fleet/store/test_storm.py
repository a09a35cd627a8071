"""Whatever order and however often: the same records make the same tables, and acks cover what is there and no more."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.store.sqlite import SqliteStore
from fleet.store.store import AckDue, Parcel, Records
from tests.fleet.store.lives import FAST, digest, lives, tell

CUTS = st.lists(st.integers(1, 60), max_size=12)


def outcome(parcels: list[Parcel], cuts: list[int], reopen: bool = False) -> dict[str, list[object]]:
    with TemporaryDirectory(dir=FAST) as folder:
        path = Path(folder) / "readings.db"
        store = SqliteStore(path)
        if reopen:
            tell(store, parcels[: len(parcels) // 2], cuts)
            store.close()
            store = SqliteStore(path)
        tell(store, parcels, cuts)
        facts = digest(store, path)
        store.close()
        return facts


@st.composite
def storms(draw: st.DrawFn) -> tuple[list[Parcel], list[Parcel], list[int]]:
    told = draw(lives())
    again = draw(st.lists(st.sampled_from(told), max_size=10)) if told else []
    return told, draw(st.permutations([*told, *again])), draw(CUTS)


@settings(max_examples=150)
@given(storms(), st.booleans())
def test_the_tables_do_not_depend_on_order_or_repetition(
    storm: tuple[list[Parcel], list[Parcel], list[int]], reopen: bool
) -> None:
    told, shuffled, cuts = storm
    assert outcome(shuffled, cuts, reopen) == outcome(told, [])


@settings(max_examples=60)
@given(storms())
def test_an_ack_covers_what_was_told_or_named_and_nothing_else(
    storm: tuple[list[Parcel], list[Parcel], list[int]],
) -> None:
    _, shuffled, _ = storm
    with TemporaryDirectory(dir=FAST) as folder:
        store = SqliteStore(Path(folder) / "readings.db")
        for parcel in shuffled:
            for ack in store.commit([parcel]).acks:
                assert covered(ack) == settled(store, ack)
                if isinstance(parcel, Records):
                    assert parcel.records[0].seq in covered(ack)
        store.close()


def covered(ack: AckDue) -> set[int]:
    return set(range(ack.upto + 1)) | {seq for first, last in ack.ranges for seq in range(first, last + 1)}


def settled(store: SqliteStore, ack: AckDue) -> set[int]:
    (node,) = store.db.execute("SELECT key FROM nodes WHERE node=?", (ack.node,)).fetchone()
    key = (node, ack.epoch)
    arrived = {seq for (seq,) in store.db.execute("SELECT seq FROM receipts WHERE node=? AND epoch=?", key)}
    gaps = store.db.execute("SELECT first, last FROM gaps WHERE node=? AND epoch=?", key).fetchall()
    lowest = store.db.execute("SELECT lowest FROM journals WHERE node=? AND epoch=?", key).fetchone()
    named = {seq for first, last in gaps for seq in range(first, last + 1)}
    return {0} | arrived | named | set(range(lowest[0] if lowest else 0))
