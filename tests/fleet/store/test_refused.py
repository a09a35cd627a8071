"""What nobody can read is kept within bounds, counted, and seen."""

from __future__ import annotations

from pathlib import Path

from edge.wire.messages import State
from fleet.collect import Incoming, sort
from fleet.facts import all_facts
from fleet.health import checks
from fleet.store import refused
from fleet.store.answers import Unread
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Refused

LATER = bytes.fromhex("2100000007" + "2a") + b"a format of the future"


def rubbish(number: int, size: int = 1, node: str = "pole-1", at_ms: int | None = None) -> Refused:
    payload = number.to_bytes(4, "big") * size
    return Refused(node, "record", payload, "no payload", 1000 + number if at_ms is None else at_ms)


def kept(store: SqliteStore, node: str = "pole-1") -> list[int]:
    sql = "SELECT payload FROM refused JOIN nodes ON key=refused.node WHERE nodes.node=? ORDER BY arrived_ms, payload"
    return [int.from_bytes(payload[:4], "big") for (payload,) in store.db.execute(sql, (node,))]


def test_the_newest_hundred_are_kept_and_all_are_counted(store: SqliteStore, path: Path) -> None:
    store.commit([rubbish(1, node="pole-2")])
    for number in range(250):
        store.commit([rubbish(number)])
    assert kept(store) == list(range(250 - refused.MOST_MESSAGES, 250))
    assert kept(store, "pole-2") == [1]
    assert StoreReader(path).unread() == {"pole-1": Unread(0, 0, 250), "pole-2": Unread(0, 0, 1)}


def test_a_flood_within_one_moment_is_bounded_too(store: SqliteStore) -> None:
    store.commit([rubbish(number, at_ms=5) for number in range(250)])
    assert kept(store) == list(range(250 - refused.MOST_MESSAGES, 250))


def test_a_megabyte_is_kept_and_the_newest_whatever_its_size(store: SqliteStore) -> None:
    store.commit([rubbish(number, 100_000) for number in range(4)])
    assert kept(store) == [2, 3]
    store.commit([rubbish(9, 400_000)])
    assert kept(store) == [9]


def test_the_same_message_again_is_one(store: SqliteStore, path: Path) -> None:
    store.commit([rubbish(1), rubbish(1)])
    store.commit([rubbish(1)])
    assert (kept(store), StoreReader(path).unread()["pole-1"].refused) == ([1], 1)


def test_an_older_office_says_what_it_could_not_read(store: SqliteStore, path: Path) -> None:
    parcel = sort(Incoming("lantaarn/v1/pole-1/up/record", LATER, 1000))
    assert isinstance(parcel, Refused)
    store.commit([parcel])
    (why,) = store.db.execute("SELECT why FROM refused").fetchone()
    assert why == "format 2 is not known here (epoch 7, from seq 42 on)"
    (facts,) = all_facts(StoreReader(path), ["pole-1"])
    (check,) = [check for check in checks(facts, 2000) if check.name == "readable"]
    assert (facts.refused, check.state, check.reason[:2]) == (1, State.BAD, "1 ")
