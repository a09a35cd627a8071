"""The store's housekeeping is done between two batches, a turn at a time, and costs no letter when it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.wire.record import pack
from edge.wire.topics import up
from fleet import collector
from fleet.collect import MOST_BYTES, MOST_MESSAGES, Incoming, full
from fleet.collector import Collector
from fleet.home import DAY_MS, Home, Ports, write_config
from fleet.inlet import Letter
from fleet.live import Live
from fleet.serve import Office
from fleet.store.read import StoreReader
from fleet.store.sqlite import SqliteStore
from fleet.trouble import Trouble
from simulators.clock import VirtualClock
from tests.fleet.pole import wait_for
from tests.fleet.store.test_packs import chunk, clock, names
from tests.fleet.test_spool import Inner


class Waiting(Inner):
    """Letters that were there from the beginning; how long each further one was waited for."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        super().__init__()
        self.letters = list(letters)

    def receive(self, timeout_s: float) -> Letter | None:
        self.asked.append(timeout_s)
        return self.letters.pop(0) if self.letters else None


def letter(*payload: bytes) -> Letter:
    return Letter(Incoming(up("pole-1", "record"), b"".join(payload), 1000))


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "readings.db")


def test_turn_after_turn_while_there_is_more(store: SqliteStore) -> None:
    inlet, turns, ended = Waiting([]), [True, True, False, False], threading.Event()
    worker = Collector(inlet, store, Live())

    def turn() -> bool:
        more = turns.pop(0) if turns else False
        if not turns:
            ended.set()
        return more

    worker.chores = turn
    worker.start()
    wait_for(ended.is_set, "the turns")
    worker.stop()
    assert inlet.asked[:4] == [collector.LOOK_UP_S, 0, 0, collector.LOOK_UP_S]


def test_chores_that_fail_cost_no_letter_and_are_told_once(
    store: SqliteStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Collector(Waiting([]), store, Live())

    def broken() -> bool:
        raise RuntimeError("a bug of ours")

    worker.chores = broken
    with caplog.at_level(logging.ERROR):
        for record in (clock(1), names(2), chunk(3)):
            assert worker.take([letter(pack(record))]) == ()
            worker.tidy()
    assert caplog.text.count("The store's housekeeping failed (a bug of ours)") == 1
    assert StoreReader(tmp_path / "readings.db").stored_readings() == chunk(3).count


def test_a_batch_is_full_by_bytes_too(store: SqliteStore) -> None:
    assert [full(1, 0, 0, MOST_BYTES - 1), full(1, 0, 0, MOST_BYTES)] == [False, True]
    large = letter(bytes(MOST_BYTES // 2))
    worker = Collector(Waiting([large] * 5), store, Live())
    assert len(worker._gather()) == 2 and len(worker._gather()) == 2
    small = Collector(Waiting([letter(b"?")] * (MOST_MESSAGES + 1)), store, Live())
    assert len(small._gather()) <= MOST_MESSAGES


@pytest.mark.parametrize(
    ("line", "keep_ms"),
    [("", None), ('keep = "400d"', 400 * DAY_MS), ('keep = "1d"', DAY_MS), ('keep = ""', None)],
)
def test_how_long_readings_are_kept(tmp_path: Path, line: str, keep_ms: int | None) -> None:
    home = config(tmp_path, line)
    assert home.keep_ms() == keep_ms and home.ports() == Ports()


def config(folder: Path, line: str) -> Home:
    home = Home(folder)
    write_config(home, Ports())
    text = home.config.read_text()
    assert text.count("[store]") == 1 and home.keep_ms() is None
    home.config.write_text(text.replace("[store]", f"[store]\n{line}"))
    return home


NO_TIMES = ['keep = "400"', "keep = 400", 'keep = "0d"', 'keep = "-1d"', "keep = true", "keep = ["]


@pytest.mark.parametrize("line", NO_TIMES)
def test_a_time_that_is_none_is_said(tmp_path: Path, line: str) -> None:
    with pytest.raises(Trouble) as raised:
        config(tmp_path, line).keep_ms()
    assert "cannot be used" in str(raised.value) and "Next: edit" in str(raised.value)


@pytest.mark.parametrize("sure", [True, False])
def test_a_leap_of_the_offices_clock_makes_readings_old_only_when_it_is_sure(tmp_path: Path, sure: bool) -> None:
    office = Office(config(tmp_path, 'keep = "400d"'), Ports(), VirtualClock(start_wall_ms=4_000_000_000_000))
    office.store = SqliteStore(office.home.readings, office.home.keep_ms())
    office.collector = Collector(Waiting([]), office.store, office.live)
    office.collector.sure_ms = lambda: 4_000_000_000_000 if sure else None
    assert office.collector.take([letter(pack(clock(1), names(2), chunk(3)))]) == ()
    assert office.reader.stored_readings() == chunk(3).count
    while office.tidy():
        pass
    assert office.reader.stored_readings() == (0 if sure else chunk(3).count)


def test_a_node_was_heard_when_the_clock_says_that_was_set_right() -> None:
    live, heard_ms = Live(), 4_000_000_000_000
    for arrived_ms, last_ms in ((heard_ms, heard_ms), (heard_ms - 300_000, heard_ms), (0, heard_ms), (7, 7), (5, 7)):
        live.heard("pole-1", arrived_ms)
        assert live.nodes["pole-1"].last_ms == last_ms
