"""The record of the open windows: when there is one, what it holds, and what is believed of it after a torn commit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.catalog import driver
from drivers.ongoing import State
from drivers.reading import Quantity, Reading
from edge.events import Opened, Sampled
from edge.inheritance import Inheritance, inheritance
from edge.journal.journal import Journal
from edge.opened import LONGEST_STATE, OpenWindows, Telling, likeness, tellings, told
from edge.sampler import Sampler, SensorFacts
from edge.schemas import Schemas
from edge.wire.chunks import Cell, Column, Schema, decode, encode
from edge.wire.clocks import ClockQuality
from edge.wire.record import RecordKind
from simulators.disk import MemoryDisk

pytestmark = pytest.mark.once
ALIKE = {"gate": "aa", "rain": "bb", "air": ""}
THREE: State = {"open": {"_window": 3}, "total": {"_total": 7}}
AFTER: State = {"total": {"_total": 10}}


def ready(boot: int = 1) -> OpenWindows:
    windows = OpenWindows(boot, ALIKE)
    windows.take_up(None)
    return windows


def body(windows: OpenWindows, segment: int = 1, company: bool = True) -> dict[str, Any] | None:
    entry = windows.entry(segment, company)
    if entry is None:
        return None
    assert entry[:2] == (RecordKind.OPEN, 0)
    found: dict[str, Any] = json.loads(entry[2])
    return found


def test_a_record_holds_all_sensors_that_counted_anything() -> None:
    windows = ready()
    assert body(windows) is None
    windows.take("gate", THREE)
    windows.take("rain", {})
    assert body(windows) == {"boot": 1, "windows": {"gate": ["aa", 0, THREE]}}
    assert body(windows) is None, "nothing is new"
    windows.take("rain", {"open": {"_window": 1}})
    assert set((body(windows) or {})["windows"]) == {"gate", "rain"}


def test_it_is_repeated_in_each_segment() -> None:
    windows = ready()
    windows.take("gate", THREE)
    assert [body(windows, segment) is not None for segment in (1, 1, 2, 2)] == [True, False, True, False]


def test_times_ride_along_and_ask_for_no_commit() -> None:
    windows = ready()
    windows.take("gate", {"open": {"_share": {"length_us": 5}, "_window": 1}})
    assert body(windows, company=False) is not None
    windows.take("gate", {"open": {"_share": {"length_us": 9}, "_window": 1}})
    assert body(windows, company=False) is None
    assert body(windows, company=True) is not None
    windows.take("gate", {"open": {"_share": {"length_us": 9}, "_window": 2}})
    assert body(windows, company=False) is not None


def test_nothing_is_kept_before_it_is_known_what_was_left() -> None:
    windows = OpenWindows(1, ALIKE)
    windows.take("gate", THREE)
    assert body(windows) is None
    windows.take_up(json.dumps({"boot": 1, "windows": {"rain": ["bb", 0, THREE]}}).encode())
    assert set((body(windows) or {})["windows"]) == {"gate", "rain"}, "until rain says something newer"


def test_what_is_too_long_is_not_kept_and_told() -> None:
    sampler = Sampler(1, "1" * 32, [SensorFacts("gate", 1_000, likeness="aa")], 10_000, 0)
    sampler.opened.take_up(None)
    long: State = {"open": {"_window": {f"way{number}": 1 for number in range(LONGEST_STATE // 10)}}}
    sampler.take_opened(Opened("gate", 5_000, THREE))
    sampler.take_opened(Opened("gate", 6_000, long))
    entries = sampler.commit(20_000)
    assert [kind for kind, _, _ in entries] == [RecordKind.EVENT]
    assert b"open window not kept" in entries[0][2] and b"way1" not in entries[0][2]


def test_readings_and_state_go_in_one_commit_the_state_first() -> None:
    sampler = Sampler(1, "1" * 32, [SensorFacts("gate", 1_000, likeness="aa")], 10_000, 0)
    sampler.opened.take_up(None)
    sampler.take_opened(Opened("gate", 5_000, THREE))
    sampler.commit(10_500)
    sampler.note("something happened", 11_000)
    sampler.take(Sampled("gate", 12_000, (Reading(Quantity.COUNT, 3.0),), AFTER), 12_000)
    assert [kind for kind, _, _ in sampler.commit(12_000)] == [RecordKind.EVENT], "events do not wait, readings do"
    entries = sampler.commit(20_500)
    assert [kind for kind, _, _ in entries] == [RecordKind.OPEN, RecordKind.SCHEMA, RecordKind.CHUNK]
    assert json.loads(entries[0][2])["windows"]["gate"] == ["aa", 12_000, AFTER, THREE]


DAMAGED = [
    b"", b"{", b"[]", b"{}", b'{"boot":1}', b'{"boot":"x","windows":{}}', b'{"boot":1,"windows":[]}', b"[" * 100_000,
    b"\xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("damaged", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_record_is_ignored_and_told(damaged: bytes) -> None:
    windows = OpenWindows(1, ALIKE)
    assert windows.take_up(damaged) == ({}, [("", "the record is damaged")])
    assert windows.ready and body(windows) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=4)
                    | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=8))  # fmt: skip
def test_whatever_stands_in_a_record_it_raises_nothing(tree: object) -> None:
    for whole in (tree, {"boot": 1, "windows": tree}, {"boot": 1, "windows": {"gate": tree}},
                  {"boot": 1, "windows": {"gate": ["aa", tree, tree, tree]}}):  # fmt: skip
        OpenWindows(1, ALIKE).take_up(json.dumps(whole).encode())


@pytest.mark.parametrize(
    ("sensor", "kept", "words"),
    [
        ("gone", ["aa", 0, THREE], "no such counting sensor"),
        ("air", ["", 0, THREE], "no such counting sensor"),
        ("gate", ["xx", 0, THREE], "the driver or its settings are others"),
        ("gate", ["aa", 0, 3], "damaged"),
        ("gate", ["aa", 0, THREE, 3], "damaged"),
        ("gate", ["aa", "x", THREE], "damaged"),
        ("gate", ["aa"], "damaged"),
        ("gate", THREE, "damaged"),
    ],
)
def test_of_whom_it_can_not_be_taken_up_is_told_without_a_count(sensor: str, kept: object, words: str) -> None:
    record = {"boot": 1, "windows": {sensor: kept, "rain": ["bb", 0, THREE]}}
    left, refused = OpenWindows(2, ALIKE).take_up(json.dumps(record).encode())
    assert left == {"rain": THREE}
    [details] = told(refused)
    assert details["sensor"] == sensor and words in details["why"]
    assert not any(digit in details["why"] for digit in "37")
    assert [*told([("", "why")])] == [{"why": "why"}]


# After a torn commit.

RECORD = json.dumps({"boot": 4, "windows": {"gate": ["aa", 60_000, AFTER, THREE]}}).encode()
WITH = {"gate": Telling(4, 60_000, {"": 10})}


def left(later: list[dict[str, Telling]], whole: bool = False, record: bytes = RECORD) -> State | None:
    return OpenWindows(5, ALIKE).take_up(record, later, whole)[0].get("gate")


def test_with_its_readings_the_state_after_them_holds() -> None:
    assert left([WITH]) == left([{"air": Telling(4, 1, {})}, WITH]) == AFTER
    assert left([], whole=True) == AFTER, "the office has them"


def test_without_its_readings_the_state_before_them_holds() -> None:
    assert left([]) == left([{"air": Telling(4, 60_000, {})}]) == THREE
    never = json.dumps({"boot": 4, "windows": {"gate": ["aa", 60_000, AFTER]}}).encode()
    assert left([], record=never) == AFTER, "no window closed in its commit"


@pytest.mark.parametrize("telling", [Telling(4, 120_000, {"": 12}), Telling(5, 3_000, {"": 12})])
def test_readings_that_are_later_say_themselves_how_much_was_counted(telling: Telling) -> None:
    assert left([WITH, {"gate": telling}]) == {"told": {"": 12}}
    fresh = driver("pulse_counter")()
    fresh.resume({"told": {"": 12}})  # type: ignore[attr-defined]
    assert fresh.state() == {"total": {"_total": 12}}  # type: ignore[attr-defined]


def test_of_a_sensor_without_totals_nothing_is_left_then() -> None:
    assert left([WITH, {"gate": Telling(4, 120_000, {})}]) is None


def test_tellings_are_the_newest_of_a_chunk() -> None:
    schema = Schema((Column("gate", "count", "in", 0), Column("gate", "count_total", "in", 0),
                     Column("gate", "count_total", "out", 1), Column("air", "temperature", "", 2)))  # fmt: skip
    cells = [Cell(1_000, 0, 3, 0), Cell(1_000, 1, 7, 0), Cell(1_000, 3, 2_000, 0), Cell(2_000, 1, 9, 0),
             Cell(2_000, 2, 40, 0)]  # fmt: skip
    chunk = decode({schema.key: schema}.get, encode(schema, 6, ClockQuality.SYNCED, cells))
    assert tellings(chunk, schema) == {"gate": Telling(6, 2_000, {"in": 9, "out": 4}), "air": Telling(6, 1_000, {})}


def test_what_lies_behind_the_newest_record_is_read() -> None:
    disk = MemoryDisk()
    journal, schemas = Journal.open(disk, lambda: 9, 1 << 20), Schemas(disk)
    assert inheritance(journal, schemas) == Inheritance(None, [], True)
    schema = Schema((Column("gate", "count_total", "", 0),))
    chunk = encode(schema, 4, ClockQuality.SYNCED, [Cell(60_000, 0, 10, 0)])
    journal.append([(RecordKind.OPEN, 0, b"old")])
    journal.append([(RecordKind.OPEN, 0, RECORD), (RecordKind.CHUNK, 1, chunk), (RecordKind.CHUNK, 1, b"damaged"),
                    (RecordKind.EVENT, 0, b"{}")])  # fmt: skip
    assert inheritance(journal, schemas) == Inheritance(RECORD, [], False), "nobody knows the schema"
    schemas.remember(schema.encode())
    assert inheritance(journal, schemas) == Inheritance(RECORD, [WITH], False)
    journal.append([(RecordKind.SCHEMA, 0, schema.encode()), (RecordKind.SCHEMA, 0, b"damaged")])
    assert inheritance(journal, schemas).later == [WITH]
    journal.forget(2)
    assert not inheritance(journal, schemas).whole, "of what went with the record nothing is acked yet"
    journal.forget(3)
    assert inheritance(journal, schemas).whole


def test_of_a_commit_that_may_have_been_torn_the_state_before_its_window_is_taken_up() -> None:
    """From the journal up to the driver: without the window's readings behind the record, they are counted on."""
    disk = MemoryDisk()
    journal, schemas = Journal.open(disk, lambda: 9, 1 << 20), Schemas(disk)
    journal.append([(RecordKind.OPEN, 0, RECORD), (RecordKind.EVENT, 0, b"{}")])
    found = inheritance(journal, schemas)
    assert left(found.later, found.whole, found.body or b"") == THREE
    journal.forget(2)
    journal.append([(RecordKind.EVENT, 0, b"{}")])
    found = inheritance(journal, schemas)
    assert left(found.later, found.whole, found.body or b"") == AFTER, "the office has what went with it"


@pytest.mark.parametrize("name", ["pulse_counter", "dual_tube", "ops243", "loop"])
def test_who_is_alike(name: str) -> None:
    made = likeness(driver(name)())
    assert made == likeness(driver(name)()) and len(made) == 8
    defaults = {setting.name: setting.default for setting in driver(name).settings}
    assert made == likeness(driver(name)(**defaults)), "a default that is written out changes nothing"
    assert made != likeness(driver("rain")())


def test_other_settings_and_other_tables_are_not_alike() -> None:
    assert likeness(driver("loop")()) != likeness(driver("loop")(loops=2))
    bands: list[dict[str, str | float]] = [{"name": "all", "low": 0.0, "high": 300.0}]
    assert likeness(driver("ops243")()) != likeness(driver("ops243")(bands=bands))


def test_the_newest_record_is_found_wherever_it_is_in_the_newest_segments() -> None:
    disk = MemoryDisk()
    journal, schemas = Journal.open(disk, lambda: 9, 16 << 20), Schemas(disk)
    journal.append([(RecordKind.OPEN, 0, RECORD)])
    while journal.segment == 1:
        journal.append([(RecordKind.EVENT, 0, bytes(3_000))] * 20)
    assert journal.next > 100
    assert inheritance(Journal.open(disk, lambda: 9, 16 << 20), schemas).body == RECORD
