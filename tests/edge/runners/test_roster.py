"""Who shares a runner with whom, and that every sensor of a board is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drivers.driver import SerialLine
from drivers.reading import Quantity, Reading
from edge.buses.port import I2CPort, LinePort, PortOpener, SerialPort
from edge.events import Event
from edge.runners.roster import runners_for
from edge.runners.talks import I2CRunner
from edge.wiring import SensorPlan
from simulators import shelf
from simulators.chips.chip import I2CChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.edge.runners.hands import Wire, drive, failed, sampled
from tests.edge.runners.test_lines import Lines

PLANS = (
    SensorPlan("air", "bme280", "i2c", "/dev/i2c-1", 0x76),
    SensorPlan("damp", "sht31", "i2c", "/dev/i2c-1"),
    SensorPlan("co2", "scd41", "i2c", "/dev/i2c-3", 0x62),
    SensorPlan("dust", "sds011", "uart", "/dev/ttyUSB0", interval_ms=30_000),
    SensorPlan("indoor", "mhz19", "uart", "/dev/ttyUSB1"),
    SensorPlan("rain", "pulse", "gpio", "/dev/gpiochip0", pins={"line": 17}, interval_ms=60_000),
    SensorPlan("host", "vitals", "host", "host", interval_ms=60_000),
)
ON_PORT = {"/dev/ttyUSB0": "sds011", "/dev/ttyUSB1": "mhz19"}


def street(clock: VirtualClock, opened: list[str]) -> PortOpener:
    def i2c(bus: str) -> I2CPort:
        opened.append(bus)
        chips = [shelf.chip(name)(clock.boot_us) for name in ("bme280", "sht31", "scd4x")]
        clock.advance(2)
        return SimulatedI2C({chip.address: chip for chip in chips if isinstance(chip, I2CChip)})

    def serial(path: str, line: SerialLine) -> SerialPort:
        opened.append(f"{path} {line.baud}")
        chip = shelf.chip(ON_PORT[path])(clock.boot_us)
        assert isinstance(chip, SerialChip)
        return Wire(chip)

    def lines(chip: str, offsets: tuple[int, ...], bias: str, active_low: bool) -> LinePort:
        opened.append(f"{chip} {offsets} {bias} {active_low}")
        return Lines()

    return PortOpener(i2c, serial, lines)


def test_a_board_of_every_kind() -> None:
    opened: list[str] = []
    clock = VirtualClock()
    runners = runners_for(PLANS, street(clock, opened))
    assert not opened, "assembling opens nothing"
    assert sorted(runner.sensors for runner in runners) == [
        ("air", "damp"), ("co2",), ("dust",), ("host",), ("indoor",), ("rain",),
    ]  # fmt: skip
    events: list[Event] = []
    for runner in runners:
        events += drive(runner, clock, clock.boot_ms() // 1_000 + 70)
        runner.close()
    assert not failed(events)
    assert {event.sensor for event in sampled(events)} == {plan.name for plan in PLANS}
    assert sorted(opened) == [
        "/dev/gpiochip0 (17,) as_is False", "/dev/i2c-1", "/dev/i2c-3", "/dev/ttyUSB0 9600", "/dev/ttyUSB1 9600",
    ]  # fmt: skip


def test_a_driver_that_nobody_knows() -> None:
    with pytest.raises(KeyError, match="no driver 'bmp999'"):
        runners_for([SensorPlan("x", "bmp999", "i2c", "/dev/i2c-1", 1)], street(VirtualClock(), []), Path("/"))


def test_who_stands_beside_whom_is_known_to_all_on_the_board() -> None:
    plans = [replace(PLANS[0], name="o3", beside="damp"), replace(PLANS[1], beside="co2"), PLANS[2]]
    runners = runners_for(plans, street(VirtualClock(), []))
    assert isinstance(runners[0], I2CRunner)
    board = runners[0].seats[0].terms.board
    board.write("co2", 0, 1_000, [Reading(Quantity.CO2, 500.0)])
    assert board.known("damp", 0) == {Quantity.CO2: 500.0}
