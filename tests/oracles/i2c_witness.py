"""Lets somebody else's driver read our simulated chip.

`python -m tests.oracles.i2c_witness FOLDER NAME`, JSON on stdin: it runs in a process of its own, with the folder of
third-party packages ahead on the path, because these packages contradict each other and may not come into ours. Each
driver gets the kind of bus it wants: an unmodified smbus2 whose ioctl ends in ours, a CircuitPython look-alike, or a
Sensirion transceiver. Its waiting moves the virtual clock.

stdin: {"burnt": {"136": hex, ...} or null, "feels": [{quantity: value}, ...]}; stdout: a list of what it read.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from drivers.errors import DriverError
from drivers.reading import Quantity
from simulators.chips.bme280 import BME280
from simulators.chips.chip import I2CChip
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from simulators.i2cdev import I2CDevice
from simulators.shelf import chip

Values = dict[str, float]
Read = Callable[[], Values]


class OwnMemory:
    """The caller's memory, when the caller is this process."""

    def read(self, at: int, count: int) -> bytes:
        return ctypes.string_at(at, count)

    def write(self, at: int, data: bytes) -> None:
        ctypes.memmove(at, data, len(data))


class NoFile:
    """In place of module os within smbus2: there is no device file to open."""

    O_RDWR = 2

    def open(self, path: str, flags: int) -> int:
        return 1000

    def close(self, descriptor: int) -> None:
        """Nothing was opened."""


def unmodified_smbus2(bus: SimulatedI2C) -> Any:
    """smbus2's own SMBus; only the system call beneath it is ours."""
    library = import_module("smbus2.smbus2")

    device = I2CDevice(bus)

    def ioctl(descriptor: int, request: int, argument: Any) -> int:
        value = argument if isinstance(argument, int) else ctypes.addressof(argument)
        device.ioctl(request, value, OwnMemory())
        return 0

    vars(library).update(os=NoFile(), ioctl=ioctl)
    return library.SMBus(1)


class Busio:
    """The face of CircuitPython's busio.I2C. Nobody there is an OSError, as on real boards."""

    def __init__(self, bus: SimulatedI2C) -> None:
        self._bus = I2CDevice(bus)

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        """Nobody else is here."""

    def writeto(self, address: int, buffer: bytes, *, start: int = 0, end: int | None = None) -> None:
        self._bus.transfer(address, bytes(buffer[start:end]), 0)

    def readfrom_into(self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None) -> None:
        count = len(buffer[start:end])
        buffer[start : start + count] = self._bus.transfer(address, None, count)

    def writeto_then_readfrom(
        self, address: int, out: bytes, into: bytearray, *, out_start: int = 0, out_end: int | None = None,
        in_start: int = 0, in_end: int | None = None, stop: bool = False,
    ) -> None:  # fmt: skip
        count = len(into[in_start:in_end])
        into[in_start : in_start + count] = self._bus.transfer(address, bytes(out[out_start:out_end]), count)


class Transceiver:
    """The face of sensirion-i2c-driver's transceivers, API version 1."""

    API_VERSION, channel_count, description = 1, None, "a simulated bus"
    STATUS_OK, STATUS_CHANNEL_DISABLED, STATUS_NACK, STATUS_TIMEOUT, STATUS_UNSPECIFIED_ERROR = range(5)

    def __init__(self, bus: SimulatedI2C, clock: VirtualClock) -> None:
        self._bus, self._clock = bus, clock

    def transceive(
        self, slave_address: int, tx_data: bytes | None, rx_length: int | None, read_delay: float, timeout: float
    ) -> tuple[int, Exception | None, bytes]:
        try:
            if tx_data is not None:
                self._bus.transfer(slave_address, bytes(tx_data), 0)
            self._clock.advance(read_delay)
            answer = self._bus.transfer(slave_address, None, rx_length) if rx_length else b""
        except DriverError as error:
            return self.STATUS_NACK, OSError(str(error)), b""
        return self.STATUS_OK, None, answer


def sensirion_channel(bus: SimulatedI2C, clock: VirtualClock, address: int) -> Any:
    channel = import_module("sensirion_driver_adapters.i2c_adapter.i2c_channel")
    library = import_module("sensirion_i2c_driver")
    connection = library.I2cConnection(Transceiver(bus, clock))
    return channel.I2cChannel(connection, slave_address=address, crc=library.CrcCalculator(8, 0x31, 0xFF, 0x00))


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


WITNESSES = {
    "rpi_bme280": ("bme280", rpi_bme280),
    "adafruit_bme280": ("bme280", adafruit_bme280),
    "sensirion_sht3x": ("sht31", sensirion_sht3x),
    "sensirion_scd4x": ("scd4x", sensirion_scd4x),
    "sensirion_sps30": ("sps30", sensirion_sps30),
}


def main(folder: str, name: str) -> None:
    sys.path.insert(0, folder)
    clock = VirtualClock()
    vars(time)["sleep"] = clock.advance
    asked = json.load(sys.stdin)
    kind, make = chip(WITNESSES[name][0]), WITNESSES[name][1]
    assert issubclass(kind, I2CChip)
    burnt = asked.get("burnt")
    subject = kind(clock.boot_us)
    if burnt:
        subject = BME280(clock.boot_us, burnt={int(at): bytes.fromhex(content) for at, content in burnt.items()})
    clock.advance(1)
    read = make(SimulatedI2C({kind.address: subject}), clock)
    found = []
    for felt in asked["feels"]:
        subject.feels.update({Quantity[quantity.upper()]: value for quantity, value in felt.items()})
        clock.advance(6)
        for _ in range(2 if name == "sensirion_scd4x" else 1):
            values = read()
        found.append(values)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
