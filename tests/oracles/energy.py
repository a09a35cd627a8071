"""Drivers of others for current meters and fuel gauges."""

from __future__ import annotations

from importlib import import_module

from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Values


def adafruit_ina219(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_ina219").INA219(Busio(bus))

    def read() -> Values:
        found = {"voltage": sensor.bus_voltage, "shunt_voltage": sensor.shunt_voltage, "power": sensor.power}
        return {**found, "current": sensor.current / 1_000}

    return read


def adafruit_ina260(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_ina260").INA260(Busio(bus))

    def read() -> Values:
        return {"voltage": sensor.voltage, "current": sensor.current / 1_000, "power": sensor.power / 1_000}

    return read


def adafruit_max17048(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_max1704x").MAX17048(Busio(bus))

    def read() -> Values:
        found = {"voltage": sensor.cell_voltage, "battery_level": sensor.cell_percent}
        return {**found, "battery_rate": sensor.charge_rate}

    return read


def adafruit_lc709203f(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    library = import_module("adafruit_lc709203f")
    sensor = library.LC709203F(Busio(bus))
    sensor.thermistor_enable = True

    def read() -> Values:
        found = {"voltage": sensor.cell_voltage, "battery_level": sensor.cell_percent}
        return {**found, "temperature": sensor.cell_temperature}

    return read
