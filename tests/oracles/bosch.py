"""Pimoroni's and Adafruit's drivers for Bosch's air sensors."""

from __future__ import annotations

from importlib import import_module

from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Values

__all__ = ["adafruit_bmp280"]


def adafruit_bmp280(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_bmp280").Adafruit_BMP280_I2C(Busio(bus), address=0x76)

    def read() -> Values:
        return {"temperature": sensor.temperature, "pressure": sensor.pressure * 100}

    return read
