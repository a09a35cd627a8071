"""Two machines with copies of one node's identity are told from one machine that is booted now and then."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.jsontext import LARGEST_INT
from edge.wire.messages import Health, Hello, State
from fleet.facts import NOBODY, all_facts
from fleet.health import CLONED_MS, checks
from fleet.store.clones import BELIEVED, DAY_MS, MOST_BOOTS, STEADY_MS, WHILE_MS, cloned, spoke
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.store.store import Greeting, Parcel, Vitals
from fleet.store.tables import GROWTH

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
OWN = f"CREATE TABLE nodes(key INTEGER PRIMARY KEY, node TEXT);{GROWTH[3]}"
HERE, THERE = "a" * 32, "b" * 32


@dataclass
class Office:
    """What came, and what is made of it. All boots began in the same moment."""

    db: sqlite3.Connection
    arrived_ms: int = 10 * DAY_MS

    def hears(self, boot: int, after_ms: int = MINUTE_MS, lag_ms: int = 0) -> None:
        """Something of this boot comes so long after what came last, and was so long on its way."""
        self.arrived_ms += after_ms
        spoke(self.db, 1, f"{boot:032x}", self.arrived_ms - lag_ms, self.arrived_ms)

    @property
    def returns(self) -> int:
        (found,) = self.db.execute("SELECT coalesce(max(returns), 0) FROM clones").fetchone()
        assert bool(cloned(self.db)) == (found >= BELIEVED)
        return int(found)


def office() -> Office:
    db = sqlite3.connect(":memory:")
    db.executescript(OWN)
    db.execute("INSERT INTO nodes VALUES (1, 'pole-1')")
    return Office(db)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.lists(st.integers(0, 99), max_size=12))
def test_one_machine_whose_words_come_in_order_and_again_is_never_two(boots: list[int], again: list[int]) -> None:
    here, said = office(), list[tuple[str, int]]()
    for boot, words in enumerate(boots):
        for _ in range(words):
            here.hears(boot)
            said.append((f"{boot:032x}", here.arrived_ms))
            for late in again[len(said) :: 3]:
                spoke(here.db, 1, *said[late % len(said)], here.arrived_ms)
    assert here.returns == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, STEADY_MS)), max_size=30))
def test_two_machines_are_seen_as_soon_as_they_came_back_so_often(turns: list[tuple[bool, int]]) -> None:
    here = office()
    for boot in (0, 1):
        here.hears(boot)
    for there, lag_ms in turns:
        here.hears(int(there), WHILE_MS + STEADY_MS, lag_ms)
    assert here.returns == max(0, len(list(groupby(there for there, _ in turns))) - 2)


def test_two_who_throw_each_other_off_every_second_are_seen_too() -> None:
    here = office()
    for turn in range(60):
        here.hears(turn % 2, 1_000)
    assert here.returns >= BELIEVED


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3_000)), max_size=60))
def test_what_waited_for_the_office_comes_in_a_heap_and_in_any_order(words: list[tuple[int, int]]) -> None:
    here = office()
    for _ in range(3):
        here.hears(0)
    for boot, tens in words:
        here.hears(boot, 10, tens * 10_000)
    assert here.returns == 0


def test_hello_and_health_of_each_boot_that_lie_side_by_side_in_the_heap_are_no_returns() -> None:
    here = office()
    for turn in range(40):
        here.hears(turn % 2, 20, HOUR_MS)
    assert here.returns == 0


def test_what_comes_late_between_what_is_new_is_no_return() -> None:
    here = office()
    for hour in range(1, 9):
        here.hears(2)
        here.hears(1, 30_000, (20 - hour) * HOUR_MS)
    assert here.returns == 0


def test_an_office_whose_clock_was_set_sees_them_all_the_same() -> None:
    here = office()
    for turn in range(20):
        here.hears(turn % 2, MINUTE_MS + HOUR_MS * (turn == 10), HOUR_MS * (turn >= 10))
    assert here.returns == 20 - 2 - 2 - 2  # neither first words, nor first turns, nor the first since it was set


def test_returns_that_lie_days_apart_are_not_added_up() -> None:
    here = office()
    for turn in range(2 * BELIEVED + 4):
        here.hears(turn % 2, DAY_MS)
    assert here.returns == 1


def test_only_the_newest_boots_are_remembered() -> None:
    here = office()
    for boot in range(100):
        here.hears(boot)
    assert here.db.execute("SELECT count(*), min(tag) FROM boots").fetchone() == (MOST_BOOTS, f"{100 - MOST_BOOTS:08x}")


def hello(boot: str, sent_ms: int | None, arrived_ms: int = 10 * DAY_MS) -> Parcel:
    return Greeting("pole-1", Hello("pole-1", boot, 7, 1, 1, sent_ms=sent_ms), arrived_ms)


def vitals(boot: str, at_ms: int, arrived_ms: int = 10 * DAY_MS) -> Parcel:
    return Vitals("pole-1", Health(at_ms, boot=boot[-8:]), arrived_ms)


def duel(now_ms: int) -> Iterator[Parcel]:
    """Both are connected: a hello each, then how they do, minute by minute."""
    yield from (hello(HERE, 5_000, now_ms), hello(THERE, 900_000, now_ms + 20_000))
    for passed_ms in range(MINUTE_MS, 4 * MINUTE_MS, MINUTE_MS):
        yield vitals(HERE, 5_000 + passed_ms, now_ms + passed_ms)
        yield vitals(THERE, 900_000 + passed_ms, now_ms + passed_ms + 20_000)


def test_it_is_red_at_the_node_and_green_a_day_after_the_last_sign(store: SqliteStore, reader: StoreReader) -> None:
    now_ms = 10 * DAY_MS
    first, *more, last, _ = duel(now_ms)
    store.commit([first])
    assert identity(reader, now_ms) is State.GOOD
    store.commit(more)
    assert identity(reader, now_ms) is State.GOOD
    store.close()
    SqliteStore(store.path).commit([last])
    assert reader.clones() == {"pole-1": now_ms + 3 * MINUTE_MS}
    assert identity(reader, now_ms + HOUR_MS) is State.BAD
    assert identity(reader, now_ms + CLONED_MS + HOUR_MS) is State.GOOD
    assert identity(reader, now_ms - 2 * CLONED_MS) is State.GOOD, "it was seen while the office's clock was ahead"


def test_a_key_that_was_lost_at_a_clock_that_was_ahead_hides_nobody(store: SqliteStore, reader: StoreReader) -> None:
    now_ms = 10 * DAY_MS
    store.commit([*duel(now_ms)])
    for lost_ms, state in [(now_ms, State.GOOD), (now_ms - DAY_MS, State.BAD), (now_ms + 1000 * DAY_MS, State.BAD)]:
        assert identity(reader, now_ms + HOUR_MS, {"pole-1": lost_ms}) is state


def test_a_time_since_boot_that_nobody_can_have_spoils_nothing(store: SqliteStore) -> None:
    for at_ms in (-LARGEST_INT, -1, LARGEST_INT, 0, -LARGEST_INT):
        store.commit([vitals(HERE, at_ms), hello(THERE, at_ms)])
    assert cloned(store.db) == {}


def identity(reader: StoreReader, now_ms: int, disowned: Mapping[str, int] = NOBODY) -> State:
    (facts,) = all_facts(reader, ["pole-1"], disowned=disowned)
    return next(check.state for check in checks(facts, now_ms) if check.name == "identity")


@pytest.mark.parametrize("boots", [("", ""), (HERE, HERE)])
def test_who_does_not_say_his_boot_or_only_one_is_left_alone(store: SqliteStore, boots: tuple[str, str]) -> None:
    for minute in range(9):
        store.commit([vitals(boots[minute % 2], minute), hello(boots[minute % 2], None)])
    assert cloned(store.db) == {}
