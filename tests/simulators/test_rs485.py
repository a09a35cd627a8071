"""A post whose board hangs several Modbus units on one port: each is read through the same simulated line."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.catalog import driver
from drivers.driver import SerialDriver, SerialLine
from drivers.errors import NoAnswer
from drivers.reading import Reading
from drivers.talk import Pause, Read, Step, Write
from edge.buses.port import SerialPort
from edge.wiring import SensorPlan
from simulators.chips.rs485 import RS485Line, on_one_line
from simulators.chips.sdm120 import SDM120
from simulators.clock import PacedClock, VirtualClock
from simulators.i2c import converse
from simulators.post import Post
from simulators.streets import spots
from simulators.world import World

PORT = "/dev/ttyUSB0"
ROWS = [{"quantity": "rain", "register": 7, "scale": 0.2}, {"quantity": "distance", "register": 8, "scale": 0.001}]
BOARD: dict[str, dict[str, Any]] = {
    "sdm120": {"unit": 1}, "sdm630": {"unit": 2}, "wind_speed_rs485": {"profile": "hundred", "unit": 3},
    "wind_direction_rs485": {"profile": "renke", "unit": 4}, "modbus": {"unit": 5, "registers": ROWS},
}  # fmt: skip


def test_one_chip_needs_no_line() -> None:
    clock = VirtualClock()
    one, other = SDM120(clock.boot_us), SDM120(clock.boot_us)
    assert on_one_line([one]) is one
    assert isinstance(on_one_line([one, other]), RS485Line)


def spoken(name: str, settings: dict[str, Any], port: SerialPort) -> list[Reading]:
    def perform(step: Step) -> bytes:
        if isinstance(step, Write):
            port.write(step.data)
        elif isinstance(step, Read):
            if len(answer := port.read(step.count, 0.0)) < step.count:
                raise NoAnswer("silence")
            return answer
        else:
            assert isinstance(step, Pause)
        return b""

    reader = driver(name)(**settings)
    assert isinstance(reader, SerialDriver)
    converse(reader.setup(), perform)
    return converse(reader.read(), perform)


def test_units_of_one_board_share_a_port() -> None:
    plans = [SensorPlan(name, name, "uart", PORT, settings=settings) for name, settings in BOARD.items()]
    (spot,) = spots(1, 1)
    post = Post(plans, World(1), spot, PacedClock())
    port = post.ports.serial(PORT, SerialLine())
    for name, settings in BOARD.items():
        chip = post.chips[name]
        readings = {reading.quantity: reading for reading in reversed(spoken(name, settings, port))}
        assert set(readings) <= set(chip.spans)
        for quantity, reading in readings.items():
            assert reading.value == pytest.approx(chip.feels[quantity], abs=1.01 * chip.resolves[quantity] + 0.5)
    with pytest.raises(NoAnswer):
        spoken("sdm120", {"unit": 9}, port)
