"""TI TCA9548A: one I2C bus becomes eight, so that sensors with the same address can hang on one node.

Source: datasheet TCA9548A, SCPS207, 8.5. Wiring: SDA and SCL to header pins 3 and 5, VIN to pin 1; A0 to A2 choose one
of 0x70 to 0x77, where a BME280 (0x76, 0x77) may sit too. RESET is worth a wire to a GPIO pin: a chip that holds the
lines of an open channel holds the whole bus, and the mux then hears nothing any more, not even that it should close;
RESET closes all channels whatever the lines do.

There is one register, written and read without an address: bit n opens channel n, after the STOP. All closed after
power-on. The chip has no name, so a probe goes by its manners: every byte that is read is the register, and writing
what it holds changes nothing. The PCA9548A is the same.
"""

from __future__ import annotations

from drivers.errors import BusFault, DeviceFault, DriverError, FramingError
from drivers.landlord import LandlordDriver
from drivers.talk import Read, Talk, Write

CHANNELS = range(8)
NOBODY = b"\xff"
ALL = 256  # bytes: the registers of any chip that has more than one, its name among them


def mask(*channels: int) -> int:
    """The register's value that opens these channels. Raises ValueError for a channel that there is not."""
    if wrong := [channel for channel in channels if channel not in CHANNELS]:
        raise ValueError(f"a TCA9548A has the channels 0 to 7, not {wrong[0]}")
    return sum(1 << channel for channel in set(channels))


def select(channel: int) -> Talk[None]:
    """Open this channel and no other, and see that it is so. Raises DeviceFault when it is not."""
    wanted = mask(channel)
    yield Write(bytes([wanted]))
    held = yield from opened()
    if held != wanted:
        raise DeviceFault(f"the mux was told {wanted:02X} and holds {held:02X}")


def release() -> Talk[None]:
    """Close all channels."""
    yield Write(b"\x00")


def closed() -> Talk[None]:
    """Close all channels, and see that it is so. Raises DeviceFault when it is not."""
    yield from release()
    if held := (yield from opened()):
        raise DeviceFault(f"the mux was told to close its channels and holds {held:02X}")


def opened() -> Talk[int]:
    """The channels that are open, as a mask. Raises FramingError."""
    held = yield Read(1)
    if len(held) != 1:
        raise FramingError(f"{len(held)} bytes came where 1 was asked for")
    return held[0]


class TCA9548A(LandlordDriver):
    """Eight buses behind one."""

    name = "tca9548a"
    title = "TI TCA9548A: eight I2C buses behind one"
    datasheet = "https://www.ti.com/lit/ds/symlink/tca9548a.pdf"
    helps = 'bus = "i2c-1/0x70.3"'
    default_address = 0x70
    addresses = tuple(range(0x70, 0x78))
    max_hz = 400_000
    bus_bytes = 3

    def look(self) -> Talk[None]:
        """Raises BusFault when what comes is no register: every byte of it must be the same."""
        held = yield Read(2)
        if len(held) != 2 or held[:1] != held[1:]:
            raise BusFault(f"the mux answered {held.hex() or 'nothing'}: its register is one byte")

    def probe(self) -> Talk[bool]:
        try:
            held = yield Read(ALL)
            if len(held) != ALL or len(set(held)) != 1 or held[:1] == NOBODY:
                return False
            yield Write(held[:1])
            again = yield Read(ALL)
        except DriverError:
            return False
        return again == held
