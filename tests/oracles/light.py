"""Drivers of others for light sensors."""

from __future__ import annotations

from importlib import import_module

from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Values


def adafruit_bh1750(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_bh1750").BH1750(Busio(bus))
    return lambda: {"illuminance": sensor.lux}


def adafruit_veml7700(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_veml7700").VEML7700(Busio(bus))
    return lambda: {"illuminance": sensor.compute_lux(sensor.light, True)}


def adafruit_tsl2591(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    library = import_module("adafruit_tsl2591")
    sensor = library.TSL2591(Busio(bus))
    sensor.gain = library.GAIN_LOW
    return lambda: {"illuminance": sensor.lux}


def adafruit_ltr390(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    library = import_module("adafruit_ltr390")
    sensor = library.LTR390(Busio(bus))
    sensor.resolution = library.Resolution.RESOLUTION_18BIT

    def read() -> Values:
        """Each twice: it does not know that the first result after a change of mode is worth nothing."""
        sensor.gain = library.Gain.GAIN_1X
        assert sensor.light >= 0
        clock.advance(1)
        lux = sensor.lux
        sensor.gain = library.Gain.GAIN_18X
        assert sensor.uvs >= 0
        clock.advance(1)
        return {"illuminance": lux, "uv_index": sensor.uvi}

    return read
