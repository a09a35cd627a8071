"""SGP30: 400 and 0 is said of clean air, of a start and of a lost start, and only the first is believed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import ChecksumError, DriverError, NotMeasured, WrongChip
from drivers.reading import Flag, Quantity
from drivers.sensirion import command
from drivers.sgp30 import NO_HUMIDITY, PATIENCE_US, SET_HUMIDITY, SGP30, compensation, is_sgp30
from drivers.talk import Write
from simulators.chips.sgp30 import SGP30 as Chip
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, vectors

RAW: dict[str, Any] = {vector["id"]: vector for vector in vectors("vectors-i2c.json", "SGP30")}


def bench_of() -> tuple[Bench, Chip]:
    bench = Bench("sgp30")
    assert isinstance(bench.chip, Chip)
    return bench, bench.chip


def look(bench: Bench, seconds: int = 1) -> dict[str, tuple[float, Flag]]:
    """Look every second; the last of them."""
    for _ in range(seconds):
        bench.clock.advance(1)
        bench.driver.at_us = bench.clock.now_us
        found = {reading.name: (reading.value, reading.flags) for reading in bench.read()}
    return found


@pytest.mark.parametrize("name", ["sgp30-01", "sgp30-02"])
def test_published_measurements(name: str) -> None:
    vector = RAW[name]
    found = follow(SGP30().read(), f"w 2008\np 12\nr {vector['raw']['response']}")
    for reading in found:
        assert reading.value == vector["expected"][reading.name]["value"]
        assert reading.flags is Flag.WARMING, "nobody knows yet what this is"


def test_published_humidity() -> None:
    vector = RAW["sgp30-06"]
    air = vector["raw"]["input"]
    told = compensation({Quantity.TEMPERATURE: air["temperature_c"], Quantity.HUMIDITY: air["rh"]})
    assert abs(told - int(vector["expected"]["tx"]["value"][4:8], 16)) <= vector["tolerance"]["lsb"]
    assert command(SET_HUMIDITY, told).hex().startswith("2061")


@pytest.mark.parametrize("air", [{}, {Quantity.HUMIDITY: 50.0}, {Quantity.TEMPERATURE: 20.0}])
def test_half_an_air_is_none(air: dict[Quantity, float]) -> None:
    assert compensation(air) == NO_HUMIDITY


@given(st.floats(-100, 200), st.floats(0, 100))
def test_any_air_fits_the_word(celsius: float, humidity: float) -> None:
    assert 0 <= compensation({Quantity.TEMPERATURE: celsius, Quantity.HUMIDITY: humidity}) <= 0xFFFF


def test_the_first_fifteen_seconds_are_flagged_and_then_what_it_feels_is_read() -> None:
    bench, _ = bench_of()
    bench.set_up()
    for _ in range(14):
        assert look(bench) == {"eco2": (400.0, Flag.WARMING), "tvoc": (0.0, Flag.WARMING)}
    look(bench, 3)
    assert look(bench) == {"eco2": (450.0, Flag.NONE), "tvoc": (20.0, Flag.NONE)}


def test_clean_air_is_believed_from_a_chip_that_has_a_baseline() -> None:
    bench, chip = bench_of()
    chip.feels.update({Quantity.ECO2: 400.0, Quantity.TVOC: 0.0})
    bench.set_up()
    assert look(bench, 20) == {"eco2": (400.0, Flag.NONE), "tvoc": (0.0, Flag.NONE)}


def test_a_chip_that_lost_its_power_is_found_out_and_started_anew() -> None:
    bench, chip = bench_of()
    bench.set_up()
    look(bench, 20)
    assert bench.talk(bench.driver.setup()) is True
    chip.faults.brown_out()
    with pytest.raises(NotMeasured, match="lost its power"):
        look(bench)
    assert bench.talk(bench.driver.setup()) is False
    assert look(bench) == {"eco2": (400.0, Flag.WARMING), "tvoc": (0.0, Flag.WARMING)}
    assert look(bench, 20) == {"eco2": (450.0, Flag.NONE), "tvoc": (20.0, Flag.NONE)}


def test_power_lost_right_after_the_start_is_flagged_and_found_out_at_last() -> None:
    bench, chip = bench_of()
    bench.set_up()
    look(bench)
    chip.faults.brown_out()
    assert {flags for _, flags in look(bench, 30).values()} == {Flag.WARMING}
    with pytest.raises(NotMeasured):
        look(bench, PATIENCE_US // 1_000_000)
    assert bench.talk(bench.driver.setup()) is False


def test_the_air_next_door_is_told_when_it_changes_and_after_a_start() -> None:
    bench, chip = bench_of()
    bench.set_up()
    bench.driver.known = {Quantity.TEMPERATURE: 25.0, Quantity.HUMIDITY: 50.0}
    look(bench, 3)
    assert chip.humidity == 0x0B7B
    assert sum(isinstance(s, Write) and s.data[:2] == b"\x20\x61" for s in bench.steps) == 1
    chip.power_on()
    bench.set_up()
    look(bench)
    assert chip.humidity == 0x0B7B
    bench.driver.known = {}
    look(bench)
    assert chip.humidity == 0


@pytest.mark.parametrize(
    ("features", "right"), [(0x20, True), (0x122, True), (0x3240, False), (0x3020, False), (0, False), (0xFFFF, False)]
)
def test_identity(features: int, right: bool) -> None:
    assert is_sgp30(features) is right
    bench, chip = bench_of()
    chip.features = features
    assert bench.talk(bench.driver.probe()) is right
    if not right:
        with pytest.raises(WrongChip):
            bench.set_up()


def test_probe_on_an_empty_place() -> None:
    assert follow(SGP30().probe(), "w 202f !nack") is False


@pytest.mark.parametrize("byte", range(6))
def test_no_value_from_a_damaged_answer(byte: int) -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.faults.corrupt(byte=byte, bit=5)
    with pytest.raises(ChecksumError):
        look(bench)


def test_where_it_ends_the_value_is_only_a_bound() -> None:
    bench, chip = bench_of()
    bench.set_up()
    look(bench, 20)
    chip.feels[Quantity.TVOC] = 60_000.0
    assert look(bench) == {"eco2": (450.0, Flag.NONE), "tvoc": (60_000.0, Flag.RANGE)}
    chip.feels.update({Quantity.ECO2: 60_000.0, Quantity.TVOC: 59_999.0})
    assert look(bench) == {"eco2": (60_000.0, Flag.RANGE), "tvoc": (59_999.0, Flag.NONE)}


def test_stuck() -> None:
    bench, chip = bench_of()
    bench.set_up()
    chip.faults.stuck_busy = True
    with pytest.raises(DriverError):
        look(bench)
