"""NXP SC16IS752: two more serial ports, on the I2C bus.

Source: datasheet SC16IS752, rev. 9, section 8; the Linux driver sc16is7xx. Wiring: SDA and SCL to header pins 3 and 5,
VIN to pin 1, I2C/SPI to VDD; A0 and A1 choose one of 0x48 to 0x57. TXA goes to the device's RX, RXA to its TX.
Where it can be, leave the chip to the kernel (`dtoverlay=sc16is752-i2c,int_pin=24,addr=0x4d,xtal=14745600` makes
/dev/ttySC0 and /dev/ttySC1), which is woken by its interrupt; this is for nodes without a free pin or that overlay.

A register is named by its number and the channel (number << 3 | channel << 1), and named again for each transfer: what
is read on from there is the same register, which is how the queues of 64 bytes are emptied. The baud rate is the
crystal's, divided; boards carry 14.7456 or 1.8432 MHz. Power-on leaves the line at five bits: a word of ours in the
scratch register tells whether the chip is still as we left it, and no byte is believed without it.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.driver import SerialLine
from drivers.errors import DeviceFault, DriverError, WrongChip
from drivers.landlord import LandlordDriver
from drivers.register_chip import registers
from drivers.talk import Talk, Write

CHANNELS = {"a": 0, "b": 1}
RHR = THR = DLL = 0x00
IER = DLH = 0x01
FCR = EFR = 0x02
LCR, MCR, LSR, SPR, TXLVL, RXLVL, IOCONTROL, EFCR = 0x03, 0x04, 0x05, 0x07, 0x08, 0x09, 0x0E, 0x0F
LATCH, ENHANCED = 0x80, 0xBF  # of LCR: the divisor, or the enhanced registers, in the place of others
OVERRUN, EMPTY = 0x02, 0x60  # of LSR
FRESH_QUEUES = 0x07  # of FCR: on, both emptied
OURS = 0xA7  # of SPR, where power-on leaves FF
QUEUE = 64
CRYSTAL_HZ = 14_745_600
MOST_OFF = 0.02  # of the baud rate


@dataclass(frozen=True, slots=True)
class Received:
    """What has come; whether bytes before these, or among them, were lost."""

    data: bytes
    overrun: bool


def at(register: int, channel: int) -> int:
    """The byte that names a register of a channel."""
    return register << 3 | channel << 1


def divisor(baud: int, crystal_hz: int = CRYSTAL_HZ) -> int:
    """By how much 16 times the baud rate divides the crystal's. Raises ValueError for a rate that it can not make."""
    found = round(crystal_hz / (16 * baud)) if baud > 0 else 0
    if not 1 <= found <= 0xFFFF or abs(crystal_hz / (16 * found) - baud) > MOST_OFF * baud:
        raise ValueError(f"{baud} baud can not be made of a crystal of {crystal_hz} Hz")
    return found


def form(line: SerialLine) -> int:
    """LCR for these bits, parity and stop bits."""
    parity = {"N": 0x00, "O": 0x08, "E": 0x18}[line.parity]
    return parity | (line.bits - 5) | (0x04 if line.stop == 2 else 0x00)


def configure(channel: int, line: SerialLine, crystal_hz: int = CRYSTAL_HZ) -> Talk[None]:
    """Open a channel: its rate, its form, its queues on and empty, no interrupts, no flow control.

    Raises ValueError for a rate that there is not, DeviceFault when the chip does not hold what it was told.
    """
    rate, lcr = divisor(line.baud, crystal_hz).to_bytes(2, "little"), form(line)
    for register, value in (
        (LCR, ENHANCED), (EFR, 0x10), (LCR, lcr), (MCR, 0x00), (LCR, ENHANCED), (EFR, 0x00),
        (LCR, LATCH | lcr), (DLL, rate[0]), (DLH, rate[1]),
    ):  # fmt: skip
        yield from put(register, channel, value)
    held = bytes([(yield from get(DLL, channel)), (yield from get(DLH, channel))])
    for register, value in ((LCR, lcr), (IER, 0x00), (EFCR, 0x00), (FCR, FRESH_QUEUES), (SPR, OURS)):
        yield from put(register, channel, value)
    if held != rate or (yield from get(LCR, channel)) != lcr:
        raise DeviceFault("the serial bridge does not hold the rate and form that it was told")
    yield from intact(channel)


def intact(channel: int) -> Talk[None]:
    """Raises DeviceFault when the chip lost its power since it was configured."""
    if (held := (yield from get(SPR, channel))) != OURS:
        raise DeviceFault(f"the serial bridge lost its configuration: {held:02X} where {OURS:02X} was written")


def receive(channel: int) -> Talk[Received]:
    """What waits. Raises DeviceFault when the chip lost its power, or says nonsense."""
    count = yield from _level(RXLVL, channel)
    if not count:
        return Received(b"", False)
    yield from intact(channel)
    status = yield from get(LSR, channel)
    data = yield from registers(at(RHR, channel), count)
    return Received(data, bool(status & OVERRUN))


def send(channel: int, data: bytes) -> Talk[int]:
    """Queue the first of these bytes; how many found room. Raises DeviceFault."""
    yield from intact(channel)
    room = yield from _level(TXLVL, channel)
    if taken := data[:room]:
        yield Write(bytes([at(THR, channel)]) + taken)
    return len(taken)


def put(register: int, channel: int, value: int) -> Talk[None]:
    """Write one register."""
    yield Write(bytes([at(register, channel), value]))


def get(register: int, channel: int) -> Talk[int]:
    """Read one register. Raises FramingError."""
    return (yield from registers(at(register, channel), 1))[0]


def _level(register: int, channel: int) -> Talk[int]:
    level = yield from get(register, channel)
    if level > QUEUE:
        raise DeviceFault(f"the serial bridge says that {level} bytes are in a queue of {QUEUE}")
    return level


class SC16IS752(LandlordDriver):
    """Two serial ports."""

    name = "sc16is752"
    title = "NXP SC16IS752: two serial ports on I2C"
    datasheet = "https://www.nxp.com/docs/en/data-sheet/SC16IS752_SC16IS762.pdf"
    helps = 'port = "i2c-1/0x4d.a"'
    default_address = 0x4D
    addresses = tuple(range(0x48, 0x58))
    max_hz = 400_000
    bus_bytes = 10

    def look(self) -> Talk[None]:
        """Raises WrongChip when the levels of its queues can not be such."""
        sent, waits = (yield from get(TXLVL, 0)), (yield from get(RXLVL, 0))
        if max(sent, waits) > QUEUE:
            raise WrongChip(f"expected an SC16IS752, found a chip that has {sent} and {waits} in its queues of {QUEUE}")

    def probe(self) -> Talk[bool]:
        """An idle chip: both send queues empty by two registers each, and what is always zero is zero."""
        try:
            for channel in CHANNELS.values():
                status = yield from get(LSR, channel)
                room = yield from get(TXLVL, channel)
                extra = yield from get(EFCR, channel)
                if status & EMPTY != EMPTY or room != QUEUE or extra & 0x08:
                    return False
            return not (yield from get(IOCONTROL, 0)) & 0xF0
        except DriverError:
            return False
