"""Sensirion SHT40, SHT41, SHT45: temperature and humidity.

Source: datasheet SHT4x, version 6. Wiring: SDA and SCL to header pins 3 and 5, 3V3; the address is burnt in, by the
letter behind the type (A 0x44, B 0x45, C 0x46).

Commands are one byte. The chip keeps no setting at all, so a loss of power between two readings changes nothing and
setup has nothing to write: it asks for the serial number, which with its checksum is the only identity there is (an
SHT3x at the same address does not hear that command). A heater pulse that somebody else began is broken off, because
warm air would be measured. Humidity comes out between -6 and 119 % and is cut to what exists, as the maker says;
a temperature beyond -40 to 125 °C is flagged as out of range.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import DriverError, Nack, WrongChip
from drivers.reading import Quantity, Reading
from drivers.sensirion import hear, warmth
from drivers.talk import Pause, Talk, Write

MEASURE, SERIAL, RESET = b"\xfd", b"\x89", b"\x94"
CONVERSION_S, SERIAL_S, RESET_S = 0.010, 0.001, 0.001


class SHT4x(I2CDriver):
    """Temperature (°C) and humidity (%RH)."""

    name = "sht4x"
    title = "Sensirion SHT40, SHT41, SHT45: temperature, humidity"
    datasheet = "https://sensirion.com/resource/datasheet/sht4x"
    default_address = 0x44
    addresses = (0x44, 0x45, 0x46)
    max_hz = 400_000
    bus_bytes = 9  # write 1 + 1, read 1 + 6
    measures = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
    _serial = b""

    def setup(self) -> Talk[bool]:
        try:
            found = yield from _serial()
        except Nack:
            yield Write(RESET)
            yield Pause(RESET_S)
            found = yield from _serial()
        if found in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
            raise WrongChip(f"expected an SHT4x, found a chip with the serial number {found.hex()}")
        known, self._serial = self._serial, found
        return known == found

    def read(self) -> Talk[list[Reading]]:
        yield Write(MEASURE)
        yield Pause(CONVERSION_S)
        answer = yield from hear(2)
        return [
            warmth(int.from_bytes(answer[0:2], "big")),
            Reading(Quantity.HUMIDITY, percent(int.from_bytes(answer[2:4], "big"))),
        ]

    def probe(self) -> Talk[bool]:
        try:
            return (yield from _serial()) not in (b"\0\0\0\0", b"\xff\xff\xff\xff")
        except DriverError:
            return False


def _serial() -> Talk[bytes]:
    yield Write(SERIAL)
    yield Pause(SERIAL_S)
    return (yield from hear(2))


def percent(ticks: int) -> float:
    """The humidity word of SHT4x in %RH, cut to 0 to 100."""
    return min(100.0, max(0.0, -6.0 + 125.0 * ticks / 65535.0))
