"""Adafruit's drivers for a lidar, a thermal array and two clocks. What they say of the time is compared right here."""

from __future__ import annotations

import time
from calendar import timegm
from importlib import import_module
from typing import Any

from simulators.chips.clock_chip import ClockChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Values

__all__ = ["adafruit_amg88xx", "adafruit_ds3231", "adafruit_pcf8563", "adafruit_vl53l1x"]
LATER_S = 86_400 * 59  # across the end of a February


def adafruit_vl53l1x(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_vl53l1x").VL53L1X(Busio(bus))
    sensor.distance_mode, sensor.timing_budget = 2, 100
    sensor.start_ranging()

    def read() -> Values:
        sensor.clear_interrupt()
        while not sensor.data_ready:
            clock.advance(0.01)
        return {"distance": sensor.distance / 100}

    return read


def adafruit_amg88xx(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_amg88xx").AMG88XX(Busio(bus))

    def read() -> Values:
        pixels = [pixel for row in sensor.pixels for pixel in row]
        assert len(pixels) == 64
        assert all(abs(pixel - sensor.temperature) <= 0.16 for pixel in pixels)
        return {"temperature": pixels[0]}

    return read


def adafruit_ds3231(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_ds3231").DS3231(Busio(bus))
    assert sensor.lost_power is False

    def read() -> Values:
        _agrees(sensor, bus.chips[0x68], clock)
        return {"temperature": sensor.temperature}

    return read


def adafruit_pcf8563(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_pcf8563.pcf8563").PCF8563(Busio(bus))
    assert sensor.lost_power is False

    def read() -> Values:
        _agrees(sensor, bus.chips[0x51], clock)
        return {}

    return read


def _agrees(sensor: Any, chip: Any, clock: VirtualClock) -> None:
    """What is said is what the chip has, before and after it is set by the other."""
    assert isinstance(chip, ClockChip)
    said = timegm(sensor.datetime)
    assert said == chip.tells_ms() // 1_000
    sensor.datetime = time.gmtime(said + LATER_S)
    assert chip.tells_ms() == (said + LATER_S) * 1_000
    clock.advance(3)
    assert timegm(sensor.datetime) == said + LATER_S + 3
