"""The SDM120 against its simulated chip: published bytes, both directions of power, and who is no meter."""

from __future__ import annotations

from typing import ClassVar

import pytest

from drivers.driver import SerialLine
from drivers.errors import ChecksumError, DriverError, NoAnswer, NotReady, WrongChip
from drivers.reading import Quantity
from drivers.sdm120 import SDM120
from simulators.chips.chip import Spans
from simulators.chips.sdm120 import SDM120 as Meter
from simulators.chips.wind_speed_rs485 import WindSpeedRS485
from simulators.clock import VirtualClock
from simulators.i2c import converse
from simulators.uart import serial_steps
from tests.drivers.serial_bench import SerialBench

FELT = {
    Quantity.VOLTAGE: 231.5, Quantity.CURRENT: 4.25, Quantity.POWER: -960.5, Quantity.ENERGY_IMPORT: 1024.25,
    Quantity.ENERGY_EXPORT: 77.5, Quantity.FREQUENCY: 49.98,
}  # fmt: skip


def bench() -> SerialBench:
    clock = VirtualClock()
    return SerialBench(Meter(clock.boot_us), clock)


def test_all_that_it_measures() -> None:
    street = bench()
    street.feel(FELT)
    driver = SDM120()
    street.set_up(driver)
    assert street.ask(driver) == {q.value: pytest.approx(value, rel=1e-6) for q, value in FELT.items()}


def test_a_meter_has_no_warm_up() -> None:
    street = bench()
    assert converse(SDM120().setup(), serial_steps(street.port, street.clock.advance)) is True


@pytest.mark.parametrize(("hertz", "error"), [(0.0, NotReady), (1.2, WrongChip), (440.0, WrongChip)])
def test_a_meter_knows_the_frequency_of_the_mains(hertz: float, error: type[DriverError]) -> None:
    street = bench()

    class Other(Meter):
        spans: ClassVar[Spans] = {**Meter.spans, Quantity.FREQUENCY: (0.0, 1000.0)}

    street = SerialBench(Other(street.clock.boot_us), street.clock)
    street.feel({Quantity.FREQUENCY: hertz})
    with pytest.raises(error):
        street.set_up(SDM120())


def test_another_device_at_its_unit_is_no_meter() -> None:
    street = bench()
    vane = SerialBench(WindSpeedRS485(street.clock.boot_us), street.clock)
    with pytest.raises(WrongChip):
        vane.set_up(SDM120())
    assert not converse(SDM120().probe(), serial_steps(vane.port, street.clock.advance))
    assert converse(SDM120().probe(), serial_steps(street.port, street.clock.advance))


@pytest.mark.parametrize(
    ("knob", "error"), [("nack_next", NoAnswer), ("corrupt", ChecksumError), ("stuck_busy", NotReady)]
)
def test_faults_are_named_and_got_over(knob: str, error: type[DriverError]) -> None:
    street, driver = bench(), SDM120()
    street.chip.faults.turn(knob, 1)
    if knob == "corrupt":
        street.chip.faults.turn(knob, 0)
        street.chip.faults._flip = (4, 1)
    with pytest.raises(error):
        street.ask(driver)
    street.chip.faults.stuck_busy = False
    assert street.ask(driver)["voltage"] == 230.0


def test_its_line_and_its_unit() -> None:
    driver = SDM120(unit=17, baud=19200, parity="E", stop=1)
    assert (driver.line, driver.unit.number) == (SerialLine(19200, 8, "E", 1), 17)
    assert driver.claims == ("unit 17",)
    assert SDM120().line == Meter.line == SerialLine(2400)
    street = bench()
    with pytest.raises(NoAnswer, match="unit 17"):
        street.ask(driver)
