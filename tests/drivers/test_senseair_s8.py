"""The SenseAir S8 against its simulated chip: published bytes, status bits, and an EEPROM that is spared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.errors import DeviceFault, DriverError, NoAnswer, NotReady
from drivers.reading import Flag, Quantity
from drivers.rtu import sealed
from drivers.senseair_s8 import SenseairS8
from simulators.chips.senseair_s8 import SenseairS8 as Senseair
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench

FILE = Path(__file__).parents[1] / "vectors" / "vectors-serial.json"
RAW = {vector["id"]: bytes.fromhex(vector["raw_hex"]) for vector in json.loads(FILE.read_text())}


def bench() -> tuple[SerialBench, Senseair]:
    clock = VirtualClock()
    chip = Senseair(clock.boot_us)
    return SerialBench(chip, clock), chip


def test_the_chip_answers_as_published() -> None:
    _, chip = bench()
    chip.feels[Quantity.CO2] = 400
    chip.hear(RAW["pub-051"])
    assert chip.say() == RAW["pub-052"]
    chip.hear(RAW["pub-053"])
    assert chip.say() == RAW["pub-053"]
    assert chip.calibrated == 1
    chip.hear(sealed(bytes.fromhex("fe0300000001")))
    assert chip.say() == sealed(bytes.fromhex("fe03020020"))


def test_every_value() -> None:
    street, _ = bench()
    for co2 in (1, 400, 2000, 9999):
        street.feel({Quantity.CO2: co2})
        assert street.ask(SenseairS8()) == {"co2": co2}


@pytest.mark.parametrize(("bit", "word"), [(0, "fatal"), (1, "offset"), (2, "algorithm"), (3, "output"), (6, "memory")])
def test_what_it_reports_of_itself_is_no_value(bit: int, word: str) -> None:
    street, chip = bench()
    chip.status = 1 << bit
    with pytest.raises(DeviceFault, match=word):
        street.ask(SenseairS8())


@pytest.mark.parametrize("co2", [0, 0x8000, 0xFFF0])
def test_zero_and_less_are_no_air(co2: int) -> None:
    street, chip = bench()
    chip.inputs = lambda: {0: 0, 1: 0, 2: 0, 3: co2}  # type: ignore[method-assign]
    with pytest.raises(NotReady):
        street.ask(SenseairS8())


def test_a_value_beyond_its_range_is_flagged() -> None:
    street, chip = bench()
    chip.faults.saturate = True
    (reading,) = converse(SenseairS8().read(), serial_steps(street.port, street.clock.advance))
    assert (reading.value, reading.flags) == (10_000, Flag.RANGE)
    chip.faults.saturate = False
    (reading,) = converse(SenseairS8().read(), serial_steps(street.port, street.clock.advance))
    assert reading.flags is Flag.NONE


def test_the_baseline_period_is_written_once() -> None:
    street, chip = bench()
    street.set_up(SenseairS8())
    assert (chip.abc_hours, chip.writes) == (180, 0)
    driver = SenseairS8(abc_hours=0)
    for _ in range(3):
        street.set_up(driver)
    street.set_up(SenseairS8(abc_hours=0))
    assert (chip.abc_hours, chip.writes) == (0, 1)
    chip.faults.brown_out()
    street.set_up(driver)
    assert (chip.abc_hours, chip.writes) == (0, 1)


def test_a_period_that_does_not_stick_is_a_fault() -> None:
    street, chip = bench()
    chip.keep = lambda address, word: True  # type: ignore[method-assign]
    with pytest.raises(DeviceFault, match="is 180 h"):
        street.set_up(SenseairS8(abc_hours=24))


def test_after_a_loss_of_power_nothing_is_measured_at_first() -> None:
    street, chip = bench()
    chip.faults.brown_out()
    chip.say()
    with pytest.raises(NotReady):
        street.ask(SenseairS8())
    street.clock.advance(4)
    assert street.ask(SenseairS8()) == {"co2": 430}


def test_a_sleepy_one_is_woken_before_each_question() -> None:
    street, chip = bench()
    chip.sleepy = True
    with pytest.raises(NoAnswer):
        street.ask(SenseairS8())
    driver = SenseairS8(wake=True, abc_hours=100)
    street.set_up(driver)
    assert street.ask(driver) == {"co2": 430}
    assert chip.abc_hours == 100


@pytest.mark.parametrize("reply", ["fe040280009b24", "fe04020190acd9", "fe8402", "01040201907930"])
def test_what_is_no_answer_is_an_error(reply: str) -> None:
    street, chip = bench()
    chip.load({"reply": reply})
    with pytest.raises(DriverError):
        street.ask(SenseairS8())


def test_probe() -> None:
    street, chip = bench()
    assert converse(SenseairS8().probe(), serial_steps(street.port, street.clock.advance))
    chip.faults.wrong_chip_id = 1
    assert not converse(SenseairS8().probe(), serial_steps(street.port, street.clock.advance))
