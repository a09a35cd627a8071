"""Whatever order and however often: the same records make the same tables, and acks cover what is there and no more."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.jsontext import from_json
from edge.wire.messages import GapRecord
from edge.wire.record import Record, RecordKind
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import AckDue, Greeting, Parcel, Records
from tests.fleet.store.lives import FAST, digest, last_words, lives, tell

CUTS = st.lists(st.integers(1, 60), max_size=12)


def outcome(
    told: list[Parcel], parcels: list[Parcel], cuts: list[int], reopen: bool = False
) -> dict[str, list[object]]:
    with TemporaryDirectory(dir=FAST) as folder:
        path = Path(folder) / "readings.db"
        store = SqliteStore(path)
        if reopen:
            tell(store, parcels[: len(parcels) // 2], cuts)
            store.close()
            store = SqliteStore(path)
        tell(store, parcels, cuts)
        store.commit(last_words(told))
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
    assert outcome(told, shuffled, cuts, reopen) == outcome(told, told, [])


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


@st.composite
def losses_of_post(draw: st.DrawFn) -> tuple[list[Parcel], list[Parcel]]:
    told, shuffled, _ = draw(storms())
    return told, [parcel for parcel in shuffled if draw(st.integers(0, 3))]


@settings(max_examples=150)
@given(losses_of_post())
def test_every_number_that_was_given_out_is_here_missing_or_awaited(post: tuple[list[Parcel], list[Parcel]]) -> None:
    told, delivered = post
    with TemporaryDirectory(dir=FAST) as folder:
        path = Path(folder) / "readings.db"
        store, reader = SqliteStore(path), StoreReader(path)
        tell(store, delivered, range(len(delivered)))
        store.commit(last_words(told))
        awaited = reader.waiting_records()
        living = {parcel.node: parcel.hello.epoch for parcel in last_words(told) if isinstance(parcel, Greeting)}
        for (node, epoch), (given_out, held, arrived, named) in heard([*delivered, *last_words(told)]).items():
            missing = set(range(1, given_out)) - arrived
            if epoch == living[node]:
                unnamed = {seq for seq in missing - named if seq >= held}
                assert awaited[node] == len(unnamed)
                missing -= unnamed
            assert lost(reader, node, epoch, arrived) == missing
        reader.close()
        store.close()


Heard = tuple[int, int, set[int], set[int]]


def heard(parcels: list[Parcel]) -> dict[tuple[str, int], Heard]:
    """Of each journal: what it gives out next, the lowest it holds, what arrived, what gap records name."""
    found: dict[tuple[str, int], Heard] = {}
    for parcel in parcels:
        if isinstance(parcel, Greeting):
            key, more = (parcel.node, parcel.hello.epoch), (parcel.hello.next, parcel.hello.lowest, set[int]())
            named: set[int] = set()
        else:
            assert isinstance(parcel, Records)
            (record,) = parcel.records
            assert isinstance(record, Record)
            key, named = (parcel.node, record.epoch), confessed(record)
            more = (max({record.seq, *named}) + 1, 0, {record.seq})
        before = found.get(key, (0, 0, set(), set()))
        found[key] = (max(before[0], more[0]), max(before[1], more[1]), before[2] | more[2], before[3] | named)
    return found


def confessed(record: Record) -> set[int]:
    if record.kind != RecordKind.GAP or record.body == b"{}":
        return set()
    gap = from_json(GapRecord, record.body)
    return set(range(gap.first, gap.last + 1))


def lost(reader: StoreReader, node: str, epoch: int, arrived: set[int]) -> set[int]:
    found: set[int] = set()
    for loss in reader.losses(node):
        if loss.epoch == epoch:
            seqs = set(range(loss.first, loss.last + 1)) - arrived
            assert len(seqs) == loss.records and not seqs & found
            found |= seqs
    return found - {0}
