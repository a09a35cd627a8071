"""Microchip MCP23017: sixteen more lines, for contacts and pulses that need not be counted fast.

Source: datasheet MCP23017, DS20001952, table 3-5 and section 3.6 (registers as with BANK = 0). Wiring: SDA and SCL
to header pins 3 and 5, VDD to pin 1, RESET to VDD, A0 to A2 choose one of 0x20 to 0x27. Pins 0 to 7 are GPA0 to GPA7, 8
to 15 are GPB0 to GPB7. Newer revisions of the chip can not use GPA7 and GPB7 (pins 7 and 15) as inputs.

Each half of the chip latches the first change after it was last looked at: INTF says which pins changed, INTCAP how all
stood at that moment, GPIO how they stand now. So a pulse that is over before anybody looked is still two certain edges,
if nothing else happened on its half meanwhile; what happened after the first change can not be told (`story`). Reading
INTCAP or GPIO clears the latch. A chip that lost its power has no pull-ups, no polarity and no latch, and would show
edges that never were; so before any change is believed the whole configuration is read back (`intact`).
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import ChecksumError, DeviceFault, DriverError, WrongChip
from drivers.landlord import LandlordDriver
from drivers.register_chip import registers
from drivers.talk import Read, Talk, Write

PINS = range(16)
IODIR, IPOL, GPINTEN, IOCON, GPPU, INTF, INTCAP, GPIO, OLAT = 0x00, 0x02, 0x04, 0x0A, 0x0C, 0x0E, 0x10, 0x12, 0x14
SIZE = 0x16
BANK_1_IOCON = 0x05  # where IOCON is when somebody left BANK = 1; GPINTENB otherwise
BANK, UNUSED = 0x80, 0x01  # of IOCON
MANNER = 0x44  # of IOCON: both INT outputs say the same, open drain; sequential, BANK = 0
LOOKS = 4


@dataclass(frozen=True, slots=True)
class Pins:
    """What is wanted of the sixteen pins; bit n is pin n."""

    watched: int = 0
    pulled_up: int = 0
    inverted: int = 0  # 1 when the line is low

    def registers(self) -> bytes:
        """IODIR to GPPU as they must stand."""
        everything = 0xFFFF
        words = (everything, self.inverted, self.watched, 0, 0, MANNER << 8 | MANNER, self.pulled_up)
        return b"".join(word.to_bytes(2, "little") for word in words)


@dataclass(frozen=True, slots=True)
class Change:
    """What the latch told: which pins changed first, how all stood then, and how they stand now."""

    first: int
    then: int
    now: int


def configure(pins: Pins) -> Talk[int]:
    """Make inputs of all pins, and watch some; how they stand. Whatever somebody did to the chip before.

    Raises DeviceFault when the chip does not hold it.
    """
    yield Write(bytes([BANK_1_IOCON, 0x00]))
    yield Write(bytes([IOCON, MANNER]))
    yield Write(bytes([IODIR]) + pins.registers())
    yield from intact(pins)
    yield from registers(INTCAP, 4)
    return (yield from levels())


def intact(pins: Pins) -> Talk[None]:
    """Raises DeviceFault when the chip is not as it was configured: it lost its power."""
    wanted = pins.registers()
    held = yield from registers(IODIR, len(wanted))
    if held != wanted:
        raise DeviceFault(f"the expander lost its configuration: {held.hex()} where {wanted.hex()} was written")


def levels() -> Talk[int]:
    """How the pins stand, when two looks in a row agree. Raises ChecksumError when they do not."""
    before = yield from registers(GPIO, 2)
    for _ in range(LOOKS):
        now = yield from registers(GPIO, 2)
        if now == before:
            return int.from_bytes(now, "little")
        before = now
    raise ChecksumError(f"{LOOKS} readings of the pins differ: they change too fast, or the bus flips bits")


def changes(pins: Pins) -> Talk[Change | None]:
    """What has happened since the last look; None when nothing did.

    Raises DeviceFault when the chip is not as it was configured, ChecksumError when it can not be read.
    """
    first = int.from_bytes((yield from registers(INTF, 2)), "little")
    if not first:
        return None
    held = yield from registers(INTCAP, 4)
    now = yield from levels()
    yield from intact(pins)
    return Change(first & pins.watched, int.from_bytes(held[:2], "little"), now)


def story(before: int, change: Change, watched: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]], bool]:
    """The certain edges (pin, level) of the first moment, those until now, and whether more must have happened.

    `before` is how the pins stood at the last look.
    """
    first, later, more = [], [], False
    for pin in PINS:
        bit = 1 << pin
        stood, stands, flagged = bool(before & bit), bool(change.now & bit), bool(change.first & bit)
        if not watched & bit:
            continue
        if flagged and bool(change.then & bit) != stood:
            first.append((pin, int(not stood)))
            stood = not stood
        elif flagged:
            more = True
        if stands != stood:
            later.append((pin, int(stands)))
    return first, later, more


class MCP23017(LandlordDriver):
    """Sixteen lines."""

    name = "mcp23017"
    title = "Microchip MCP23017: sixteen lines to count on"
    datasheet = "https://ww1.microchip.com/downloads/en/devicedoc/20001952c.pdf"
    helps = 'chip = "i2c-1/0x20"'
    default_address = 0x20
    addresses = tuple(range(0x20, 0x28))
    max_hz = 400_000
    bus_bytes = 6

    def look(self) -> Talk[None]:
        """Raises WrongChip when what stands where IOCON is can not be one."""
        held = yield from registers(IOCON, 2)
        if not _manner(held):
            raise WrongChip(f"expected an MCP23017, found a chip whose registers 0A and 0B are {held.hex()}")

    def probe(self) -> Talk[bool]:
        """A PCF8574, whose outputs any write would change, is told by giving the same byte for ever."""
        try:
            if len(set((yield Read(SIZE + 1)))) < 2:
                return False
            held = yield from registers(IOCON, SIZE + 2)
        except DriverError:
            return False
        return _manner(held[:2]) and held[SIZE:] == held[:2]


def _manner(held: bytes) -> bool:
    return held[0] == held[1] and not held[0] & (BANK | UNUSED)
