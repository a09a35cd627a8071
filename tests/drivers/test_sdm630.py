"""The SDM630 against its simulated chip: each phase in its place."""

from __future__ import annotations

import pytest

from drivers.errors import WrongChip
from drivers.reading import Quantity
from drivers.sdm120 import SDM120
from drivers.sdm630 import SDM630
from simulators.chips.rs485 import RS485Line
from simulators.chips.sdm120 import SDM120 as Small
from simulators.chips.sdm630 import SDM630 as Meter
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench


def bench() -> SerialBench:
    clock = VirtualClock()
    return SerialBench(Meter(clock.boot_us), clock)


def test_each_phase_has_its_own() -> None:
    street, driver = bench(), SDM630()
    chip = street.chip
    assert isinstance(chip, Meter)
    chip.skews = (1.0, 0.5, 0.25)
    street.feel({Quantity.VOLTAGE: 230.0, Quantity.CURRENT: 8.0, Quantity.POWER: -3500.0})
    street.set_up(driver)
    assert street.ask(driver) == {
        "power": -3500.0, "power.l1": -2000.0, "power.l2": -1000.0, "power.l3": -500.0,
        "voltage.l1": 230.0, "voltage.l2": 115.0, "voltage.l3": 57.5,
        "current.l1": 8.0, "current.l2": 4.0, "current.l3": 2.0,
        "frequency": 50.0, "energy_import": 1234.5, "energy_export": 0.0,
    }  # fmt: skip


def test_three_questions_are_enough() -> None:
    assert len(SDM630()._blocks) == 3
    assert SDM630.bus_bytes == 3 * 13 + 2 * (18 + 2 + 6)


def test_a_small_meter_is_not_taken_for_it() -> None:
    street = bench()
    small = SerialBench(Small(street.clock.boot_us), street.clock)
    assert not converse(SDM630().probe(), serial_steps(small.port, street.clock.advance))
    assert converse(SDM630().probe(), serial_steps(street.port, street.clock.advance))
    with pytest.raises(WrongChip, match="another map"):
        small.ask(SDM630())


def test_both_on_one_line() -> None:
    clock = VirtualClock()
    small, large = Small(clock.boot_us), Meter(clock.boot_us)
    small.unit, small.feels[Quantity.VOLTAGE] = 2, 229.0
    line = SerialBench(RS485Line(clock.boot_us, (small, large)), clock)
    assert line.ask(SDM120(unit=2))["voltage"] == 229.0
    assert line.ask(SDM630(unit=1))["voltage.l3"] == 230.0
    assert SDM120.shares == SDM630.shares == "modbus"
    assert SDM120(unit=1).claims == SDM630(unit=1).claims
