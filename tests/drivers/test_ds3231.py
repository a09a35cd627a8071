"""DS3231: the time while it is known, the temperature always, and neither from a chip that lost its power."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ds3231 import DS3231, celsius
from drivers.errors import DeviceFault, DriverError, NotReady, WrongChip
from drivers.talk import Step, Write
from simulators.chips.ds3231 import DS3231 as Chip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from tests.drivers.i2c_bench import vectors

FIRST_MS, LAST_MS = 946_684_800_000, 4_102_444_799_000  # 2000 to 2099


class Pole:
    """A driver and its chip, at a time of the world."""

    def __init__(self, epoch_ms: int = 1_767_225_600_000, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.chip = Chip(self.clock.boot_us, epoch_ms=epoch_ms)
        self.driver = DS3231(**settings)
        self.writes: list[bytes] = []
        self._perform = i2c_steps(SimulatedI2C({0x68: self.chip}), 0x68, self.clock.advance)
        self.clock.advance(1)

    def perform(self, step: Step) -> bytes:
        if isinstance(step, Write):
            self.writes.append(step.data)
        return self._perform(step)

    def set_up(self) -> None:
        converse(self.driver.setup(), self.perform)

    def read(self) -> float:
        self.driver.at_us = self.clock.now_us
        (temperature,) = converse(self.driver.read(), self.perform)
        return temperature.value

    def tells(self) -> int | None:
        self.read()
        return self.driver.told.unix_ms if self.driver.told else None


def off(pole: Pole, truth_ms: int) -> int:
    told = pole.driver.told
    assert told is not None and told.kind == "rtc"
    assert abs(told.unix_ms - truth_ms) <= 500
    return told.uncertainty_ms


def test_the_published_registers() -> None:
    (vector,) = [v for v in vectors("vectors-i2c.json", "DS3231") if v["id"] == "ds3231-01"]
    pole = Pole()
    pole.chip.load(vector["raw"])
    pole.set_up()
    assert pole.read() == vector["expected"]["temperature"]["value"]
    expected = datetime.fromisoformat(vector["expected"]["datetime"]["value"]).replace(tzinfo=UTC)
    assert pole.driver.told is not None
    assert pole.driver.told.unix_ms == expected.timestamp() * 1_000 + 500


@pytest.mark.parametrize(("word", "value"), [("1940", 25.25), ("e700", -25.0), ("ffc0", -0.25), ("0000", 0.0)])
def test_the_words_of_the_datasheet(word: str, value: float) -> None:
    assert celsius(bytes.fromhex(word)) == value


@given(st.integers(FIRST_MS, LAST_MS - 10_000), st.booleans())
def test_any_second_of_the_century(epoch_ms: int, twelve: bool) -> None:
    pole = Pole(epoch_ms)
    if twelve:
        pole.chip.transfer(b"\x02\x40", 0)
        pole.chip.run_from(epoch_ms)
    pole.set_up()
    pole.read()
    assert off(pole, pole.chip.tells_ms()) == 60_600


@pytest.mark.parametrize(
    "fields",
    [
        "6000000101 0126", "0060000101 0126", "0000240101 0126", "0000000132 0126", "0000000130 0226",
        "0000000101 1326", "0000000001 0126", "0000000801 0126", "0a00000101 0126", "000000010101 a6",
        "0000730101 0126", "0000600101 0126", "000000010100 26",
    ],
)  # fmt: skip
def test_no_date_is_not_told_and_the_temperature_is(fields: str) -> None:
    pole = Pole()
    pole.set_up()
    pole.chip.load({"regs": {"0x00": fields.replace(" ", "")}})
    assert pole.read() == 18.0
    assert pole.driver.told is None


def test_a_dead_battery_tells_no_time_until_it_is_set() -> None:
    pole = Pole()
    pole.set_up()
    pole.chip.faults.brown_out()
    with pytest.raises(NotReady):
        pole.read()
    pole.set_up()
    assert (pole.tells(), pole.read()) == (None, 18.0)
    pole.driver.at_us = pole.clock.now_us
    converse(pole.driver.set_time(pole.clock.wall_ms()), pole.perform)
    pole.read()
    assert off(pole, pole.clock.wall_ms()) == 600
    pole.clock.advance(1e6)
    pole.read()
    assert off(pole, pole.clock.wall_ms()) == 5_600
    pole.chip.faults.brown_out()
    with pytest.raises(NotReady):
        pole.read()
    assert pole.driver.told is None


@given(st.integers(FIRST_MS, LAST_MS - 2_000))
def test_it_is_set_to_any_time(unix_ms: int) -> None:
    pole = Pole()
    pole.clock.start_wall_ms = unix_ms - pole.clock.boot_ms()
    converse(pole.driver.set_time(unix_ms), pole.perform)
    assert pole.chip.tells_ms() == pole.clock.wall_ms()


@pytest.mark.parametrize("unix_ms", [0, FIRST_MS - 1_001, LAST_MS + 1_000])
def test_a_time_that_it_can_not_hold_is_refused(unix_ms: int) -> None:
    pole = Pole()
    with pytest.raises(ValueError, match="2000 to 2099"):
        converse(pole.driver.set_time(unix_ms), pole.perform)
    assert pole.writes == []


def test_a_clock_that_does_not_take_its_time_or_stands_still_tells_none() -> None:
    pole = Pole()
    pole.set_up()
    pole.chip.load({"regs": {"0x00": "45592303311224"}})
    with pytest.raises(DeviceFault, match="did not take"):
        converse(pole.driver.set_time(pole.clock.wall_ms()), pole.perform)
    assert pole.tells() is not None
    pole.clock.advance(3)
    assert pole.tells() is None


def test_the_output_is_switched_off_and_the_flags_are_left() -> None:
    pole = Pole()
    pole.set_up()
    assert pole.writes == [bytes([0x0E, 0x3C]), bytes([0x0F, 0x83])]
    pole.chip.transfer(b"\x0e\x80", 0)
    pole.set_up()
    assert pole.chip.transfer(b"\x0e", 1) == b"\x00"


def test_the_temperature_is_what_is_felt_after_its_lap() -> None:
    pole = Pole()
    pole.set_up()
    pole.chip.feels = dict.fromkeys(pole.chip.feels, -10.75)
    assert pole.read() == 18.0
    pole.clock.advance(65)
    pole.read()
    pole.clock.advance(1)
    assert pole.read() == -10.75


def test_neighbours_and_hung_chips() -> None:
    pole = Pole()
    pole.chip.faults.wrong_chip_id = 0x58
    with pytest.raises(WrongChip):
        pole.set_up()
    with pytest.raises(WrongChip):
        pole.read()
    assert converse(pole.driver.probe(), pole.perform) is False
    pole.chip.faults.wrong_chip_id, pole.chip.faults.stuck_busy = None, True
    assert converse(pole.driver.probe(), pole.perform) is True
    with pytest.raises(NotReady):
        pole.set_up()
    pole.chip.faults.unplug = True
    with pytest.raises(DriverError):
        pole.read()
    assert converse(pole.driver.probe(), pole.perform) is False
