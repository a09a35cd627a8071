"""Real devices for tests that were written indoors: the ports of Linux, and pauses that pass in real time.

This is what `pytest --lantaarn-bus /dev/i2c-1` stands on. The hardware libraries are loaded when a port is opened.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.driver import Driver, FileDriver, I2CDriver, SerialDriver
from drivers.stream import StreamDriver
from edge.buses.system import system_ports
from edge.clock import SystemClock, pause
from simulators.device import Device, at_file, at_i2c, at_serial


class NotThere(Exception):
    """What the driver would need was not named; the message says what to name."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """The device files that were named for this run."""

    bus: str = ""  # "/dev/i2c-1"
    serial: str = ""  # "/dev/serial/by-id/…"
    file: str = ""  # "/sys/bus/w1/devices/28-…/w1_slave"
    address: int | None = None

    def __bool__(self) -> bool:
        return bool(self.bus or self.serial or self.file)

    def device(self, driver: Driver) -> Device:
        """The driver at the real thing. Raises NotThere; BusFault when the device file can not be opened."""
        ports, now_us = system_ports(), SystemClock().boot_us
        if isinstance(driver, I2CDriver) and self.bus:
            at = driver.default_address if self.address is None else self.address
            return at_i2c(driver, ports.i2c(self.bus), at, pause, now_us)
        if isinstance(driver, SerialDriver | StreamDriver) and self.serial:
            return at_serial(driver, ports.serial(self.serial, driver.line), pause, now_us)
        if isinstance(driver, FileDriver) and self.file:
            return at_file(driver, ports.files(self.file), pause, now_us)
        raise NotThere(f"a {driver.name} {_wants(driver)}")


def _wants(driver: Driver) -> str:
    if isinstance(driver, I2CDriver):
        return "needs --lantaarn-bus /dev/i2c-N"
    if isinstance(driver, SerialDriver | StreamDriver):
        return "needs --lantaarn-serial PORT"
    return "needs --lantaarn-file FILE" if isinstance(driver, FileDriver) else "sits on lines that nobody can move"
