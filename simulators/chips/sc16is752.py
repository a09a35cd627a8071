"""A simulated SC16IS752: two serial ports with queues of 64 bytes, each wired to a chip that speaks and hears.

Bytes arrive when their chip says them; a queue that is full loses what comes and tells so once. A device that is wired
to a channel with another rate or form than its own is heard as noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values
from simulators.chips.serial_chip import SerialChip

RHR, IER, FCR, LCR, MCR, LSR, MSR, SPR, TXLVL, RXLVL = range(10)
IOCONTROL, EFCR = 0x0E, 0x0F
DIVISOR_LATCH, ENHANCED = 0x80, 0xBF
SW_RESET = 0x08
QUEUE = 64
MOST_OFF = 0.03


class Channel:
    """The registers and queues of one of the two."""

    def __init__(self, crystal_hz: int) -> None:
        self.crystal_hz = crystal_hz
        self.chip: SerialChip | None = None
        self.reset()

    def reset(self) -> None:
        self.held = bytearray(16)
        self.held[LCR], self.held[SPR] = 0x1D, 0xFF
        self.enhanced = bytearray(16)
        self.divisor = bytearray(b"\x00\x00")
        self.queue = bytearray()
        self.overrun = False

    @property
    def line(self) -> SerialLine | None:
        """How the channel is opened; None when it is not."""
        lcr, divided = self.held[LCR], int.from_bytes(self.divisor, "little")
        if not divided or lcr & 0x03 < 2:
            return None
        prescaler = 4 if self.held[MCR] & 0x80 else 1
        return SerialLine(
            round(self.crystal_hz / (16 * prescaler * divided)), 8 if lcr & 1 else 7,
            ("E" if lcr & 0x10 else "O") if lcr & 0x08 else "N", 2 if lcr & 0x04 else 1,
        )  # fmt: skip

    @property
    def understood(self) -> bool:
        """Whether the device on it speaks the same way."""
        mine, theirs = self.line, self.chip.line if self.chip is not None else None
        if mine is None or theirs is None:
            return False
        close = abs(mine.baud - theirs.baud) <= MOST_OFF * theirs.baud
        return close and (mine.bits, mine.parity) == (theirs.bits, theirs.parity)

    def arrive(self) -> None:
        """Take what the device has said by now."""
        if self.chip is None or self.chip.faults.unplug:
            return
        said = self.chip.say()
        if said and not self.understood:
            said = bytes(byte * 5 + 3 & 0xFF for byte in said[::2])
        size = QUEUE if self.held[FCR] & 1 else 1
        self.overrun |= len(self.queue) + len(said) > size
        self.queue += said[: size - len(self.queue)]

    def hear(self, data: bytes) -> None:
        if data and self.chip is not None and not self.chip.faults.unplug and self.understood:
            self.chip.hear(data)


class SC16IS752(I2CChip):
    """At 0x48 to 0x57; `wire` a serial chip to channel 0 or 1."""

    name = "sc16is752"
    address = 0x4D
    addresses = tuple(range(0x48, 0x58))
    spans: ClassVar[Spans] = {}
    resolves: ClassVar[Values] = {}
    rests: ClassVar[Values] = {}
    crystal_hz = 14_745_600

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self.channels = (Channel(self.crystal_hz), Channel(self.crystal_hz))
        super().__init__(now_us, noise)

    def wire(self, channel: int, chip: SerialChip) -> None:
        """Wire a device to a channel."""
        self.channels[channel].chip = chip

    def clocked_by(self, crystal_hz: int) -> None:
        """Another crystal than the usual."""
        for channel in self.channels:
            channel.crystal_hz = crystal_hz

    def power_on(self) -> None:
        for channel in self.channels:
            channel.reset()
        self._register, self._channel = 0, self.channels[0]

    def transfer(self, data: bytes | None, count: int) -> bytes:
        for channel in self.channels:
            channel.arrive()
        return super().transfer(data, count)

    def written(self, data: bytes) -> None:
        if not data:
            return
        self._register, self._channel = data[0] >> 3 & 0x0F, self.channels[data[0] >> 1 & 1]
        if self._register == RHR and not self._channel.held[LCR] & DIVISOR_LATCH:
            self._channel.hear(data[1:] if not self.faults.stuck_busy else b"")
            return
        for value in data[1:]:
            self._put(self._channel, self._register, value)

    def given(self, count: int) -> bytes:
        return bytes(self._get(self._channel, self._register) for _ in range(count))

    def _put(self, channel: Channel, register: int, value: int) -> None:
        if self.faults.stuck_busy:
            return
        lcr = channel.held[LCR]
        if lcr == ENHANCED and register in (2, 4, 5, 6, 7):
            channel.enhanced[register] = value
        elif lcr & DIVISOR_LATCH and lcr != ENHANCED and register < 2:
            channel.divisor[register] = value
        elif register == FCR:
            channel.held[FCR] = value
            if value & 0x02:
                channel.queue.clear()
        elif register == MCR:
            allowed = 0xFF if channel.enhanced[2] & 0x10 else 0x1B
            channel.held[MCR] = channel.held[MCR] & ~allowed | value & allowed
        elif register == IOCONTROL and value & SW_RESET:
            self.power_on()
        elif register not in (LSR, MSR, TXLVL, RXLVL):
            channel.held[register] = value

    def _get(self, channel: Channel, register: int) -> int:
        lcr = channel.held[LCR]
        if self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id | 0x80
        if lcr == ENHANCED and register in (2, 4, 5, 6, 7):
            return channel.enhanced[register]
        if lcr & DIVISOR_LATCH and lcr != ENHANCED and register < 2:
            return channel.divisor[register]
        if register == RHR:
            return channel.queue.pop(0) if channel.queue else 0x00
        if register == LSR:
            status = 0x60 | (0x02 if channel.overrun else 0) | (0x01 if channel.queue else 0)
            channel.overrun = False
            return status
        if register == TXLVL:
            return QUEUE
        if register == RXLVL:
            return len(channel.queue)
        return 0x01 if register == 2 else channel.held[register]
