"""The I2C drivers of others that read the first chips of the house."""

from __future__ import annotations

from importlib import import_module

from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from tests.oracles.buses import Busio, Read, Values, sensirion_channel, unmodified_smbus2


def rpi_bme280(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    bme280 = import_module("bme280")
    smbus = unmodified_smbus2(bus)
    trimming = bme280.load_calibration_params(smbus, 0x76)

    def read() -> Values:
        found = bme280.sample(smbus, 0x76, trimming)
        return {"temperature": found.temperature, "humidity": found.humidity, "pressure": found.pressure * 100}

    return read


def adafruit_bme280(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    basic = import_module("adafruit_bme280.basic")
    sensor = basic.Adafruit_BME280_I2C(Busio(bus), address=0x76)

    def read() -> Values:
        found = {"temperature": sensor.temperature, "pressure": sensor.pressure * 100}
        return {**found, "humidity": sensor.relative_humidity}

    return read


def sensirion_sht3x(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    high = import_module("sensirion_i2c_sht3x.commands").Repeatability.HIGH
    sensor = import_module("sensirion_i2c_sht3x.device").Sht3xDevice(sensirion_channel(bus, clock, 0x44))
    sensor.soft_reset()

    def read() -> Values:
        temperature, humidity = sensor.measure_single_shot(high, False)
        return {"temperature": temperature.value, "humidity": humidity.value}

    return read


def sensirion_scd4x(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    sensor = import_module("sensirion_i2c_scd4x.device").Scd4xDevice(sensirion_channel(bus, clock, 0x62))
    sensor.stop_periodic_measurement()
    assert sensor.get_serial_number()
    sensor.set_temperature_offset(5.4)
    assert abs(sensor.get_temperature_offset().value - 5.4) < 0.01
    sensor.start_periodic_measurement()

    def read() -> Values:
        while not sensor.get_data_ready_status():
            clock.advance(0.1)
        co2, temperature, humidity = sensor.read_measurement()
        return {"co2": co2.value, "temperature": temperature.value, "humidity": humidity.value}

    return read


def sensirion_sps30(bus: SimulatedI2C, clock: VirtualClock) -> Read:
    floats = import_module("sensirion_i2c_sps30.commands").OutputFormat(0x0300)
    sensor = import_module("sensirion_i2c_sps30.device").Sps30Device(sensirion_channel(bus, clock, 0x69))
    assert sensor.read_product_type().rstrip("\0") == "00080000"
    sensor.start_measurement(floats)
    names = ("pm1", "pm2_5", "pm4", "pm10", "nc_pm0_5", "nc_pm1", "nc_pm2_5", "nc_pm4", "nc_pm10")

    def read() -> Values:
        clock.advance(1)
        while not sensor.read_data_ready_flag():
            clock.advance(0.1)
        return dict(zip(names, map(float, sensor.read_measurement_values_float()), strict=False))

    return read
