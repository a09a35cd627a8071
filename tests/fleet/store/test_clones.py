"""Two machines with copies of one node's identity are told from one machine that is booted now and then."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.messages import Health, Hello, State
from fleet.facts import all_facts
from fleet.health import CLONED_MS, checks
from fleet.store.clones import BELIEVED, DAY_MS, MOST_BOOTS, cloned, spoke
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Parcel, Vitals
from fleet.store.tables import GROWTH

MINUTE_MS = 60_000
OWN = f"CREATE TABLE nodes(key INTEGER PRIMARY KEY, node TEXT);{GROWTH[3]}"
HERE, THERE = "a" * 32, "b" * 32


@dataclass
class Office:
    """What came, and what is made of it."""

    db: sqlite3.Connection
    arrived_ms: int = 0

    def hears(self, boot: int, at_ms: int) -> None:
        self.arrived_ms += MINUTE_MS
        spoke(self.db, 1, f"{boot:08x}{'0' * 24}", at_ms, self.arrived_ms)

    @property
    def alarmed(self) -> bool:
        return bool(cloned(self.db))


def office() -> Office:
    db = sqlite3.connect(":memory:")
    db.executescript(OWN)
    db.execute("INSERT INTO nodes VALUES (1, 'pole-1')")
    return Office(db)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.lists(st.integers(0, 99), max_size=12))
def test_one_machine_whose_words_come_in_order_and_again_is_never_two(boots: list[int], again: list[int]) -> None:
    said = [(boot, at_ms) for boot, words in enumerate(boots) for at_ms in range(words)]
    here = office()
    for number, word in enumerate(said):
        here.hears(*word)
        for late in again[number::3]:
            here.hears(*said[late % (number + 1)])
    assert here.db.execute("SELECT * FROM clones").fetchall() == []


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 10**9), st.integers(0, 10**9))
def test_two_machines_are_seen_as_soon_as_they_came_back_so_often(turns: list[bool], here: int, there: int) -> None:
    heard, up = office(), {False: here, True: there}
    for turn in turns:
        up[turn] += 1
        heard.hears(int(turn), up[turn])
    returns = max(0, len(list(groupby(turns))) - 2)
    assert heard.alarmed == (returns >= BELIEVED)


def test_what_was_under_way_when_both_were_started_anew_is_not_enough() -> None:
    here = office()
    here.hears(1, 100)
    here.hears(2, 10)  # the new boot is heard first, then what of the old one was handed out and never taken
    for at_ms in range(160, 1000, 60):
        here.hears(1, at_ms)
    here.hears(2, 70)
    assert not here.alarmed


def test_returns_that_lie_days_apart_are_not_added_up() -> None:
    here = office()
    for turn in range(2 * BELIEVED + 4):
        here.hears(turn % 2, turn)
        here.arrived_ms += DAY_MS
    assert not here.alarmed


def test_only_the_newest_boots_are_remembered() -> None:
    here = office()
    for boot in range(100):
        here.hears(boot, boot)
    assert here.db.execute("SELECT count(*), min(tag) FROM boots").fetchone() == (MOST_BOOTS, f"{100 - MOST_BOOTS:08x}")


def hello(boot: str, sent_ms: int | None) -> Parcel:
    return Greeting("pole-1", Hello("pole-1", boot, 7, 1, 1, sent_ms=sent_ms), MINUTE_MS)


def vitals(boot: str, at_ms: int, arrived_ms: int = MINUTE_MS) -> Parcel:
    return Vitals("pole-1", Health(at_ms, boot=boot[:8]), arrived_ms)


def duel(store: SqliteStore, arrived_ms: int) -> None:
    """Both are connected: a hello each, then how they do, minute by minute."""
    store.commit([hello(HERE, 5_000), hello(THERE, 900_000)])
    for minute in range(1, 3):
        store.commit([vitals(HERE, 5_000 + minute, arrived_ms), vitals(THERE, 900_000 + minute, arrived_ms)])


def test_it_is_red_at_the_node_and_green_a_day_after_the_last_sign(store: SqliteStore, reader: StoreReader) -> None:
    now_ms = 10 * DAY_MS
    store.commit([hello(HERE, 1)])
    assert identity(reader, now_ms) is State.GOOD
    duel(store, now_ms)
    assert identity(reader, now_ms + MINUTE_MS) is State.BAD
    assert reader.clones() == {"pole-1": now_ms}
    store.close()
    SqliteStore(store.path).commit([vitals(THERE, 990_000, now_ms)])
    assert identity(reader, now_ms + MINUTE_MS) is State.BAD
    assert identity(reader, now_ms + CLONED_MS) is State.GOOD


def identity(reader: StoreReader, now_ms: int) -> State:
    (facts,) = all_facts(reader, ["pole-1"])
    return next(check.state for check in checks(facts, now_ms) if check.name == "identity")


@pytest.mark.parametrize("boots", [("", ""), (HERE, HERE)])
def test_who_does_not_say_his_boot_or_only_one_is_left_alone(store: SqliteStore, boots: tuple[str, str]) -> None:
    for minute in range(9):
        store.commit([vitals(boots[minute % 2], minute), hello(boots[minute % 2], None)])
    assert cloned(store.db) == {}


def test_an_agent_that_is_started_again_in_the_same_boot_is_one(store: SqliteStore, reader: StoreReader) -> None:
    store.commit([hello(HERE, 1_000), vitals(HERE, 1_001), hello(HERE, 2_000), vitals(HERE, 2_001)])
    assert reader.clones() == {}
