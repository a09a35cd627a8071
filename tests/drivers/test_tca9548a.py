"""TCA9548A: masks, what opens and closes, and who is taken for one."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.errors import DeviceFault, DriverError, FramingError
from drivers.talk import Step, Talk, Write
from drivers.tca9548a import TCA9548A, closed, mask, opened, release, select
from simulators.chips.bme280 import BME280
from simulators.chips.tca9548a import TCA9548A as Chip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from tests.drivers.i2c_bench import vectors


class Pole:
    """A mux, and what was written to it."""

    def __init__(self) -> None:
        self.clock = VirtualClock(now_us=5_000_000)
        self.chip = Chip(self.clock.boot_us)
        self.written: list[str] = []

    def talk(self, talk: Talk[Any]) -> Any:
        steps = i2c_steps(SimulatedI2C({0x70: self.chip}), 0x70, self.clock.advance)

        def perform(step: Step) -> bytes:
            if isinstance(step, Write):
                self.written.append(step.data.hex())
            return steps(step)

        return converse(talk, perform)


def test_the_published_sequence() -> None:
    (vector,) = [v for v in vectors("vectors-i2c.json", "TCA9548A") if v["id"] == "tca9548a-01"]
    assert vector["raw"]["input"]["sequence"] == ["select 5", "deselect"]
    pole = Pole()
    pole.talk(select(5))
    assert pole.chip.mask == 0x20
    pole.talk(release())
    assert pole.chip.mask == 0
    assert pole.written == vector["expected"]["tx"]["value"]


@pytest.mark.parametrize("channel", range(8))
def test_each_channel_is_opened_alone(channel: int) -> None:
    pole = Pole()
    pole.talk(select(7 - channel))
    pole.talk(select(channel))
    assert pole.talk(opened()) == 1 << channel == mask(channel)
    pole.talk(closed())
    assert pole.talk(opened()) == 0


def test_channels_that_there_are_not() -> None:
    assert mask(0, 3, 3) == 0b1001
    with pytest.raises(ValueError, match="0 to 7"):
        mask(8)


def test_a_mux_that_does_not_do_as_it_is_told() -> None:
    pole = Pole()
    pole.talk(select(2))
    pole.chip.faults.stuck_busy = True
    with pytest.raises(DeviceFault, match="told 08 and holds 04"):
        pole.talk(select(3))
    with pytest.raises(DeviceFault, match="close"):
        pole.talk(closed())
    with pytest.raises(FramingError):
        converse(opened(), lambda step: b"")


def test_it_measures_nothing_and_changes_nothing() -> None:
    pole = Pole()
    pole.talk(select(6))
    driver, pole.written = TCA9548A(), []
    assert pole.talk(driver.setup()) is True
    assert pole.talk(driver.read()) == []
    assert pole.talk(driver.probe()) is True
    assert (pole.chip.mask, pole.written) == (0x40, ["40"])
    pole.chip.faults.unplug = True
    assert pole.talk(driver.probe()) is False
    with pytest.raises(DriverError):
        pole.talk(driver.read())


def test_a_climate_sensor_at_its_address_is_no_mux() -> None:
    clock = VirtualClock(now_us=5_000_000)
    steps = i2c_steps(SimulatedI2C({0x76: BME280(clock.boot_us)}), 0x76, clock.advance)
    for pointer in range(256):
        steps(Write(bytes([pointer])))
        assert converse(TCA9548A().probe(), steps) is False
