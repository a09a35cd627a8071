"""Maxim DS18B20 on a 1-Wire line, read through the kernel: temperature of air, soil, water or a pipe.

Wiring: VDD to 3V3, GND, DQ to GPIO 4 (pin 7), 4.7 kilohm from DQ to 3V3; `dtoverlay=w1-gpio,gpiopin=4` in config.txt.
The board names the file, `/sys/bus/w1/devices/28-…/w1_slave`. Opening it makes the kernel convert (750 ms at 12 bits)
and read the scratchpad; it prints the nine bytes twice, once with its verdict on their CRC, once with the temperature.

We trust neither print alone: the CRC is computed again, the temperature is taken from the bytes, and the kernel's own
must be the same. The fixed bits of the configuration tell a DS18S20, whose format is another. Nine zeros have a right
CRC and are a line on ground. 85 °C is what the chip holds after power-on: it lost power before it could convert, and is
never believed; neither is what lies outside -55 to 125 °C (some kernels and libraries say -127 for nobody).

`resolution` (bits) is volatile in the chip, so it is written only when it differs, and lost with its power: a reading
with another one is refused, and setup writes it again. It needs the right to write the file. Source: DS18B20 data
sheet 19-7487; Linux w1_therm.
"""

from __future__ import annotations

import re

from drivers.driver import FileDriver
from drivers.errors import ChecksumError, DeviceFault, DriverError, FramingError, NotReady, WrongChip
from drivers.reading import Quantity, Reading
from drivers.setting import Setting
from drivers.talk import Read, Talk, Write

LARGEST = 256
CONVERSION_S = 2.0
NINE = rb"((?:[0-9a-f]{2} ){9})"
SLAVE = re.compile(NINE + rb": crc=[0-9a-f]{2} (YES|NO)\n" + NINE + rb"t=(-?\d{1,7})\n?")
RESOLUTION, CONFIGURATION = 0x60, 0x1F
POWER_ON = 85 * 16
LOWEST, HIGHEST = -55 * 16, 125 * 16
FEWEST_BITS = 9


def crc8(data: bytes) -> int:
    """Dallas/Maxim's CRC-8, least significant bit first. A whole scratchpad with its CRC gives 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def scratchpad(text: bytes) -> bytes:
    """The nine bytes that the kernel printed. Raises FramingError, ChecksumError, WrongChip."""
    found = SLAVE.fullmatch(text)
    if not found:
        raise FramingError("the file does not hold what the kernel prints for a thermometer")
    data = bytes.fromhex(found[1].decode())
    if found[2] != b"YES" or crc8(data):
        raise ChecksumError("the nine bytes do not fit their CRC")
    if not any(data):
        raise FramingError("nothing but zeros: the data line lies on ground")
    if data[4] & ~RESOLUTION != CONFIGURATION:
        raise WrongChip(f"the configuration is {data[4]:02x}: no DS18B20")
    value = int.from_bytes(data[:2], "little", signed=True) / 16
    if found[1] != found[3] or int(found[4]) != int(value * 1000):
        raise FramingError(f"the bytes say {value:g} °C, the kernel {found[4].decode()}: is it a DS18B20?")
    return data


def sixteenths(data: bytes) -> int:
    """The temperature register, of which the bits below the resolution mean nothing."""
    unused = 12 - bits(data)
    return int.from_bytes(data[:2], "little", signed=True) >> unused << unused


def bits(data: bytes) -> int:
    """The resolution that the chip works at."""
    return FEWEST_BITS + (data[4] >> 5 & 3)


class DS18B20(FileDriver):
    """Temperature (°C), to 1/16."""

    name = "ds18b20"
    title = "Maxim DS18B20: temperature over 1-Wire"
    datasheet = "https://www.analog.com/media/en/technical-documentation/data-sheets/ds18b20.pdf"
    measures = (Quantity.TEMPERATURE,)
    settings = (Setting("resolution", 0, "bits, 9 to 12: more is slower; 0 leaves it as it is", (0, 9, 10, 11, 12)),)
    interval_min_s = 1.0

    def setup(self) -> Talk[bool | None]:
        """Set the resolution where the board asks for another. Raises DeviceFault when it does not stick."""
        wanted = int(self.chosen["resolution"])
        data = yield from self._scratchpad()
        if wanted in (0, bits(data)):
            return True
        yield Write(b"%d\n" % wanted)
        data = yield from self._scratchpad()
        if bits(data) != wanted:
            raise DeviceFault(f"it was set to {wanted} bits and works at {bits(data)}")
        return None

    def read(self) -> Talk[list[Reading]]:
        """One conversion. Raises FramingError, ChecksumError, NotReady."""
        data = yield from self._scratchpad()
        value = sixteenths(data)
        if int.from_bytes(data[:2], "little", signed=True) == POWER_ON:
            raise NotReady("85 °C is what it holds after power-on: it lost power before it could convert")
        if not LOWEST <= value <= HIGHEST:
            raise FramingError(f"{value / 16:g} °C is beyond what it can measure")
        if int(self.chosen["resolution"]) not in (0, bits(data)):
            raise NotReady(f"it works at {bits(data)} bits: it lost power since it was set up")
        return [Reading(Quantity.TEMPERATURE, value / 16)]

    def probe(self) -> Talk[bool]:
        """Whether the file is that of a DS18B20."""
        try:
            yield from self._scratchpad()
        except DriverError:
            return False
        return True

    def _scratchpad(self) -> Talk[bytes]:
        return scratchpad((yield Read(LARGEST, CONVERSION_S)))
