"""Rainbow RB1: an imaginary thermometer and hygrometer on I2C, which is here to be copied.

Wiring: SDA and SCL to header pins 3 and 5, 3V3; address 0x2A. One command starts a measurement, which takes 20 ms; the
answer is two words, each with the CRC-8 of its neighbours (polynomial 31, start FF). Register 0F tells who it is.
Nothing has to be set, so a loss of power between two readings changes nothing.
Source: this file; nobody makes it.
"""

from __future__ import annotations

from drivers.checks import words
from drivers.driver import I2CDriver
from drivers.errors import DriverError, FramingError, WrongChip
from drivers.reading import Quantity, Reading
from drivers.setting import Setting
from drivers.talk import Pause, Read, Talk, Write, WriteRead

WHO, MEASURE = 0x0F, 0x10
RAINBOW = 0x52
CONVERSION_S = 0.020
LENGTH = 6


class Rainbow(I2CDriver):
    """Temperature (°C) and humidity (%RH), in hundredths."""

    api = 2
    name = "rainbow"
    title = "Rainbow RB1: temperature, humidity (imaginary)"
    datasheet = "https://example.org/rainbow-rb1.pdf"
    default_address = 0x2A
    addresses = (0x2A, 0x2B)
    measures = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    settings = (Setting("offset", 0.0, "added to the temperature, °C", (), -5.0, 5.0),)
    bus_bytes = 9  # write 1 + 1, read 1 + 6

    def setup(self) -> Talk[bool]:
        """Only to see who is there: nothing is kept in it. Raises WrongChip."""
        found = yield from _who()
        if found != RAINBOW:
            raise WrongChip(f"expected a Rainbow, found a chip that calls itself {found:02X}")
        return True

    def read(self) -> Talk[list[Reading]]:
        """One measurement. Raises FramingError, ChecksumError."""
        yield Write(bytes([MEASURE]))
        yield Pause(CONVERSION_S)
        answer = yield Read(LENGTH)
        if len(answer) != LENGTH:
            raise FramingError(f"{len(answer)} bytes came where {LENGTH} were asked for")
        data = words(answer)
        celsius = int.from_bytes(data[:2], "big", signed=True) / 100 + float(self.chosen["offset"])
        percent = int.from_bytes(data[2:], "big") / 100
        return [Reading(Quantity.TEMPERATURE, celsius), Reading(Quantity.HUMIDITY, percent)]

    def probe(self) -> Talk[bool]:
        """Whether a Rainbow answers here."""
        try:
            return (yield from _who()) == RAINBOW
        except DriverError:
            return False


def _who() -> Talk[int]:
    return int.from_bytes((yield WriteRead(bytes([WHO]), 1)), "big")
