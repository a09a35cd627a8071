"""PCF8563: it tells the time while it knows it, and measures nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BusFault, ChecksumError, DeviceFault, DriverError, WrongChip
from drivers.pcf8563 import PCF8563
from drivers.timepiece import Told
from simulators.chips.pcf8563 import PCF8563 as Chip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from tests.drivers.i2c_bench import vectors

FIRST_MS, LAST_MS = 946_684_800_000, 4_102_444_799_000  # 2000 to 2099


class Pole:
    """A driver and its chip, at a time of the world."""

    def __init__(self, epoch_ms: int = 1_767_225_600_000, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.chip = Chip(self.clock.boot_us, epoch_ms=epoch_ms)
        self.driver = PCF8563(**settings)
        self.perform = i2c_steps(SimulatedI2C({0x51: self.chip}), 0x51, self.clock.advance)
        self.clock.advance(1)

    def told(self) -> Told | None:
        self.driver.at_us = self.clock.now_us
        assert converse(self.driver.read(), self.perform) == []
        return self.driver.told

    def set_to(self, unix_ms: int) -> None:
        self.driver.at_us = self.clock.now_us
        converse(self.driver.set_time(unix_ms), self.perform)


def test_the_published_registers() -> None:
    (vector,) = [v for v in vectors("vectors-i2c.json", "PCF8563") if v["id"] == "pcf8563-01"]
    pole = Pole()
    pole.chip.load(vector["raw"])
    expected = datetime.fromisoformat(vector["expected"]["datetime"]["value"]).replace(tzinfo=UTC)
    assert pole.told() == Told(round(expected.timestamp()) * 1_000 + 500, 600_600, "rtc")


@given(st.integers(FIRST_MS, LAST_MS - 2_000))
def test_any_second_of_the_century(epoch_ms: int) -> None:
    pole = Pole(epoch_ms)
    converse(pole.driver.setup(), pole.perform)
    told = pole.told()
    assert told is not None
    assert abs(told.unix_ms - pole.chip.tells_ms()) <= 500


@given(st.integers(FIRST_MS, LAST_MS - 2_000))
def test_it_is_set_to_any_time(unix_ms: int) -> None:
    pole = Pole()
    pole.clock.start_wall_ms = unix_ms - pole.clock.boot_ms()
    pole.set_to(unix_ms)
    assert pole.chip.tells_ms() == pole.clock.wall_ms()


def test_a_dead_battery_tells_no_time_until_it_is_set() -> None:
    pole = Pole()
    pole.chip.faults.brown_out()
    assert pole.told() is None
    pole.set_to(pole.clock.wall_ms())
    told = pole.told()
    assert told is not None and told.uncertainty_ms == 600 + 0
    pole.clock.advance(100_000)
    assert pole.told() == Told(pole.clock.wall_ms() + 500, 4_600, "rtc")
    pole.chip.faults.stuck_busy = True
    assert pole.told() is None
    with pytest.raises(DeviceFault):
        pole.set_to(pole.clock.wall_ms())


@pytest.mark.parametrize("stopped", [0x20, 0x80])
def test_a_stopped_clock_tells_nothing_and_setup_does_not_hide_it(stopped: int) -> None:
    pole = Pole()
    pole.chip.transfer(bytes([0x00, stopped]), 0)
    pole.clock.advance(10)
    converse(pole.driver.setup(), pole.perform)
    assert pole.told() is None
    pole.set_to(pole.clock.wall_ms())
    assert pole.told() is not None


def test_a_frozen_clock_is_faulty_however_soon_it_is_asked_again() -> None:
    pole = Pole()
    pole.chip.faults.freeze = True
    assert pole.told() is not None
    for wait_s in (3, 1, 1, 60):
        pole.clock.advance(wait_s)
        with pytest.raises(DeviceFault, match="stands still"):
            pole.told()
        assert pole.driver.told is None
    pole.chip.faults.freeze = False
    assert pole.told() is not None


@pytest.mark.parametrize(
    "fields", ["60000001040126", "00600001040126", "00002401040126", "00000032040126", "00000031040226",
               "00000001041326", "00000000040126", "00000001070126", "0a000001040126", "000000010401a0"],
)  # fmt: skip
def test_no_date_is_not_told(fields: str) -> None:
    pole = Pole()
    pole.chip.load({"regs": {"0x02": fields}})
    assert pole.told() is None


def test_bits_that_mean_nothing_are_masked() -> None:
    pole = Pole()
    pole.chip.load({"regs": {"0x02": "45d9e3f1fa9224"}})
    told = pole.told()
    assert told is not None
    assert told.unix_ms == round(datetime(2024, 12, 31, 23, 59, 45, tzinfo=UTC).timestamp()) * 1_000 + 500


def test_neighbours_and_the_bus() -> None:
    pole = Pole()
    assert converse(pole.driver.probe(), pole.perform) is True
    pole.chip.faults.wrong_chip_id = 0x58
    for talk in (pole.driver.setup, pole.driver.read):
        with pytest.raises(WrongChip):
            converse(talk(), pole.perform)
    assert converse(pole.driver.probe(), pole.perform) is False
    pole.chip.faults.wrong_chip_id = None
    pole.chip.faults.corrupt(1, byte=5)
    assert pole.told() is not None
    for byte in (3, 4, 5):
        pole.driver.told = Told(0, 0, "rtc")
        answers = iter(bytes([0x08, 0, *([byte] * n), 1, 1, 1, 1, 1, 1, 1])[:9] for n in range(4))
        with pytest.raises(ChecksumError):
            converse(pole.driver.read(), lambda step, answers=answers: next(answers))  # type: ignore[misc]
        assert pole.driver.told is None
    with pytest.raises(BusFault):
        converse(pole.driver.read(), lambda step: b"\xff" * 9)
    pole.chip.faults.unplug = True
    with pytest.raises(DriverError):
        converse(pole.driver.setup(), pole.perform)
