"""The kinds of bus that other people's drivers want, each ending in our simulated one.

An unmodified smbus2 whose ioctl ends in ours, a CircuitPython look-alike, and a Sensirion transceiver.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib import import_module
from typing import Any

from drivers.errors import DriverError
from simulators.clock import VirtualClock
from simulators.i2c import SimulatedI2C
from simulators.i2cdev import I2CDevice

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
