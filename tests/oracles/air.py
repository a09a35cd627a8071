"""Adafruit's drivers for air quality, fine dust and converters."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Values

__all__ = ["adafruit_ads1x15", "adafruit_ens160", "adafruit_pm25"]


def adafruit_ens160(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    """Its block read; its property AQI has two bits only."""
    sensor = import_module("adafruit_ens160").ENS160(Busio(bus))
    sensor.temperature_compensation, sensor.humidity_compensation = 18.7, 63.2
    assert abs(sensor.temperature_compensation - 18.7) < 0.02 and abs(sensor.humidity_compensation - 63.2) < 0.01

    def read() -> Values:
        while not sensor.new_data_available:
            clock.advance(0.1)
        found = sensor.read_all_sensors()
        return {"aqi_uba": found["AQI"], "tvoc": found["TVOC"], "eco2": found["eCO2"]}

    return read


def adafruit_pm25(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_pm25.i2c").PM25_I2C(Busio(bus))
    masses = {"pm1": "pm10", "pm2_5": "pm25", "pm10": "pm100"}
    counts = {"0_3": "03", "0_5": "05", "1": "10", "2_5": "25", "5": "50", "10": "100"}

    def read() -> Values:
        found = sensor.read()
        mass = {ours: found[f"{theirs} env"] for ours, theirs in masses.items()}
        factory = {f"{ours}_cf1": found[f"{theirs} standard"] for ours, theirs in masses.items()}
        return mass | factory | {f"nc_gt{ours}": found[f"particles {at}um"] / 100 for ours, at in counts.items()}

    return read


class Polled(Busio):
    """A bus on which asking takes time: this one polls without a pause."""

    def __init__(self, bus: SimulatedI2C, clock: VirtualClock) -> None:
        super().__init__(bus)
        self._clock = clock

    def writeto_then_readfrom(self, *arguments: Any, **more: Any) -> None:
        self._clock.advance(0.0005)
        super().writeto_then_readfrom(*arguments, **more)


def adafruit_ads1x15(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    converter = import_module("adafruit_ads1x15.ads1115").ADS1115(Polled(bus, clock), gain=1)
    single = import_module("adafruit_ads1x15.analog_in").AnalogIn(converter, 0)
    return lambda: {"voltage": single.voltage}
