"""Sensirion's own drivers and Adafruit's, reading our simulated Sensirion chips."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Transceiver, Values, sensirion_channel

MASSES = ("pm1", "pm2_5", "pm4", "pm10")
GAS_INDICES = ("voc_index", "nox_index")


def connection(bus: SimulatedI2C, clock: VirtualClock) -> Any:
    return import_module("sensirion_i2c_driver").I2cConnection(Transceiver(bus, clock))


def sensirion_sht4x(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("sensirion_i2c_sht4x.device").Sht4xDevice(sensirion_channel(bus, clock, 0x44))
    sensor.soft_reset()
    assert sensor.serial_number()

    def read() -> Values:
        temperature, humidity = sensor.measure_high_precision()
        return {"temperature": temperature.value, "humidity": humidity.value}

    return read


def sensirion_scd30(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("sensirion_i2c_scd30.device").Scd30Device(sensirion_channel(bus, clock, 0x61))
    assert sensor.read_firmware_version()
    sensor.set_measurement_interval(2)
    sensor.set_temperature_offset(0)
    sensor.set_altitude_compensation(440)
    assert (sensor.get_measurement_interval(), sensor.get_altitude_compensation()) == (2, 440)
    sensor.start_periodic_measurement(0)

    def read() -> Values:
        while not sensor.get_data_ready():
            clock.advance(0.1)
        co2, temperature, humidity = sensor.read_measurement_data()
        return {"co2": co2, "temperature": temperature, "humidity": humidity}

    return read


def sensirion_sen5x(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("sensirion_i2c_sen5x").Sen5xI2cDevice(connection(bus, clock))
    assert sensor.get_product_name() == "SEN55"
    sensor.set_fan_auto_cleaning_interval(86_400)
    assert sensor.get_fan_auto_cleaning_interval() == 86_400
    sensor.start_measurement()

    def read() -> Values:
        while not sensor.read_data_ready():
            clock.advance(0.1)
        seen = sensor.read_measured_values()
        mass = (getattr(seen, f"mass_concentration_{size}").physical for size in ("1p0", "2p5", "4p0", "10p0"))
        values = dict(zip(MASSES, mass, strict=True))
        values |= {"temperature": seen.ambient_temperature.degrees_celsius}
        values |= {"humidity": seen.ambient_humidity.percent_rh}
        return values | dict(zip(GAS_INDICES, (seen.voc_index.scaled, seen.nox_index.scaled), strict=True))

    return read


def sensirion_sen66(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("sensirion_i2c_sen66.device").Sen66Device(sensirion_channel(bus, clock, 0x6B))
    assert sensor.get_product_name().rstrip("\0") == "SEN66"
    sensor.set_sensor_altitude(440)
    assert sensor.get_sensor_altitude() == 440
    sensor.start_continuous_measurement()

    def read() -> Values:
        clock.advance(1)
        while not sensor.get_data_ready()[1]:
            clock.advance(0.1)
        names = (*MASSES, "humidity", "temperature", *GAS_INDICES, "co2")
        seen = sensor.read_measured_values()
        return {name: getattr(one, "value", one) for name, one in zip(names, seen, strict=True)}

    return read


def adafruit_sgp30(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_sgp30").Adafruit_SGP30(Busio(bus))
    clock.advance(16)

    def read() -> Values:
        eco2, tvoc = sensor.iaq_measure()
        return {"eco2": eco2, "tvoc": tvoc}

    return read


def sensirion_sgp40(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("sensirion_i2c_sgp4x.sgp40.device").Sgp40I2cDevice(connection(bus, clock))
    assert sensor.get_serial_number()
    return lambda: {"voc_raw": sensor.measure_raw(60.0, 18.0).ticks}


def adafruit_sgp40(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_sgp40").SGP40(Busio(bus))
    return lambda: {"voc_raw": sensor.measure_raw(18.0, 60.0)}


def sensirion_sgp41(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("sensirion_i2c_sgp4x.sgp41.device").Sgp41I2cDevice(connection(bus, clock))
    assert sensor.get_serial_number()
    sensor.conditioning()

    def read() -> Values:
        voc, nox = sensor.measure_raw(60.0, 18.0)
        return {"voc_raw": voc.ticks, "nox_raw": nox.ticks}

    return read


def adafruit_sgp41(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("adafruit_sgp41.sgp41").SGP41(Busio(bus))

    def read() -> Values:
        voc, nox = sensor.measure_raw(humidity=60.0, temperature=18.0)
        return {"voc_raw": voc, "nox_raw": nox}

    return read
