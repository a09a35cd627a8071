"""Decibel meter: zero is no silence, a window is made of energies, and the scratch byte tells of lost power."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dbmeter import DBMeter
from drivers.errors import ChecksumError, DeviceFault, NotReady, WrongChip
from drivers.reading import Flag, Quantity
from drivers.talk import Write
from simulators.transcript import follow
from tests.drivers.i2c_bench import Bench, played, vectors

KEPT = "x 05 4c0203e8"


def test_the_published_registers() -> None:
    (vector,) = vectors("vectors-i2c.json", "PCBArtists-DBM")
    found = played({"driver": "dbmeter", "config": {}, "door": vector["raw"]})
    assert found == {"sound_level": vector["expected"]["level"]["value"]}


@pytest.mark.parametrize(("level", "flags"), [
    (1, Flag.RANGE), (34, Flag.RANGE), (35, Flag.NONE), (119, Flag.NONE), (120, Flag.RANGE), (255, Flag.RANGE),
])  # fmt: skip
def test_what_it_can_not_tell_is_flagged(level: int, flags: Flag) -> None:
    (reading,) = follow(DBMeter().read(), f"x 0a {level:02x}\nx 0a {level:02x}\n{KEPT}")
    assert (reading.value, reading.flags) == (level, flags)


def test_zero_is_not_computed_yet() -> None:
    bench = Bench("dbmeter")
    bench.set_up()
    bench.chip.power_on()
    bench.set_up()
    assert bench.values() == {Quantity.SOUND_LEVEL: 55.0}  # it waits for the first
    bench.chip.load({"regs": {"0x0a": "00"}})
    with pytest.raises(NotReady):
        bench.read()


def test_power_lost_between_readings() -> None:
    bench = Bench("dbmeter")
    assert bench.talk(bench.driver.setup()) is False
    assert bench.talk(bench.driver.setup()) is True
    bench.chip.faults.brown_out()
    with pytest.raises(DeviceFault, match="without power"):
        bench.read()
    assert bench.talk(bench.driver.setup()) is False
    assert bench.read()


@pytest.mark.parametrize(("average_ms", "high", "low"), [(1000, 3, 0xE8), (125, 0, 125)])
def test_the_average_is_written_high_byte_first(average_ms: int, high: int, low: int) -> None:
    bench = Bench("dbmeter", averaging_ms=average_ms)
    bench.set_up()
    written = [step.data for step in bench.steps if isinstance(step, Write)]
    assert written == [bytes([7, high]), bytes([8, low]), bytes([6, 2]), bytes([5, 0x4C])]
    assert isinstance(bench.driver, DBMeter)
    assert bench.driver.window_look_s == bench.driver.interval_min_s == average_ms / 1_000
    assert bench.read()


def test_settings_that_do_not_stick() -> None:
    script = "x 00 31\nx 05 aa0203e8\nw 0703\nw 08e8\nw 0602\nw 054c\nx 05 aa0203e8"
    with pytest.raises(DeviceFault, match="does not keep"):
        follow(DBMeter().setup(), script)


@given(st.lists(st.integers(36, 119), min_size=1, max_size=30))
def test_a_window_is_made_of_energies(levels: list[int]) -> None:
    meter = DBMeter()
    for number, level in enumerate(levels):
        meter.at_us = (number + 1) * 1_000_000
        follow(meter.read(), f"x 0a {level:02x}\nx 0a {level:02x}\n{KEPT}")
    found = {reading.quantity: reading.value for reading in meter.close(meter.at_us)}
    mean = sum(10 ** (level / 10) for level in levels) / len(levels)
    assert found[Quantity.LAEQ] == pytest.approx(10 * math.log10(mean))
    assert min(levels) <= found[Quantity.LA90] <= found[Quantity.LA10] <= max(levels)
    assert meter.close(meter.at_us + 1) == []


def test_a_failed_look_is_in_no_window() -> None:
    bench = Bench("dbmeter")
    bench.set_up()
    bench.chip.faults.unplug = True
    bench.driver.at_us = 5
    with pytest.raises(Exception, match="acknowledge"):
        bench.read()
    assert isinstance(bench.driver, DBMeter)
    assert bench.driver.close(10) == []


def test_a_level_that_no_two_looks_agree_on() -> None:
    with pytest.raises(ChecksumError):
        follow(DBMeter().read(), "".join(f"x 0a 3{n}\n" for n in range(4)))


def test_another_chip_at_the_address() -> None:
    with pytest.raises(WrongChip, match="found a chip with version 85"):
        follow(DBMeter().setup(), "x 00 85")
    for version in ("31", "32", "81"):
        assert follow(DBMeter().probe(), f"x 00 {version}\nx 06 02") is True
    assert follow(DBMeter().probe(), "x 00 31\nx 06 e2") is False
    assert follow(DBMeter().probe(), "x 00 85\nx 06 02") is False
    assert follow(DBMeter().probe(), "x 00 00 !nack") is False
