"""Pimoroni's and Adafruit's drivers for Bosch's air sensors."""

from __future__ import annotations

from importlib import import_module

from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Values, unmodified_smbus2

__all__ = ["adafruit_bmp280", "pimoroni_bme680"]


def adafruit_bmp280(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_bmp280").Adafruit_BMP280_I2C(Busio(bus), address=0x76)

    def read() -> Values:
        return {"temperature": sensor.temperature, "pressure": sensor.pressure * 100}

    return read


def pimoroni_bme680(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("bme680").BME680(0x76, i2c_device=unmodified_smbus2(bus))
    sensor.set_gas_heater_profile(320, 50, nb_profile=0)  # it waits for 100 ms at most
    sensor.select_gas_heater_profile(0)

    def read() -> Values:
        assert sensor.get_sensor_data() and sensor.data.heat_stable
        found = {"temperature": sensor.data.temperature, "humidity": sensor.data.humidity}
        return {**found, "pressure": sensor.data.pressure * 100, "gas_resistance": sensor.data.gas_resistance}

    return read
