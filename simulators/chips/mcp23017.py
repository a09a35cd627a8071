"""A simulated MCP23017: sixteen pins, some of them wired to chips that close contacts, and a latch for each half.

What happens at the contacts reaches the latch in the order of time, whether anybody looks or not: the first change of a
half that is watched is held until it is read. A contact to ground shows only where the pin is pulled up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values
from simulators.chips.lines_chip import LinesChip

HALVES = (0x00FF, 0xFF00)
IODIR, IPOL, GPINTEN, DEFVAL, INTCON, IOCON, GPPU, INTF, INTCAP, GPIO, OLAT = range(0x00, 0x16, 2)
READ_ONLY = (INTF, INTF + 1, INTCAP, INTCAP + 1)
BANK, SEQOP = 0x80, 0x20


@dataclass(frozen=True, slots=True)
class Wire:
    """Pins of the expander and the lines of one chip; `grounds`: active is low, as with a contact to ground."""

    chip: LinesChip
    pins: dict[str, int]
    grounds: bool


class MCP23017(I2CChip):
    """At 0x20 to 0x27, with BANK = 0 or 1."""

    name = "mcp23017"
    address = 0x20
    addresses = tuple(range(0x20, 0x28))
    spans: ClassVar[Spans] = {}
    resolves: ClassVar[Values] = {}
    rests: ClassVar[Values] = {}

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self.wires: list[Wire] = []
        self._active = 0  # pins whose contact is active now
        self._grounds = 0  # pins with a contact to ground
        super().__init__(now_us, noise)

    def wire(self, chip: LinesChip, pins: dict[str, int], grounds: bool = False) -> None:
        """Wire a chip's lines to these pins."""
        self.wires.append(Wire(chip, dict(pins), grounds))
        if grounds:
            self._grounds |= sum(1 << pin for pin in pins.values())

    def power_on(self) -> None:
        self._held = bytearray(0x16)
        self._held[IODIR] = self._held[IODIR + 1] = 0xFF
        self._pointer = 0

    def reset(self) -> None:
        """Its RESET has a wire of its own."""

    def transfer(self, data: bytes | None, count: int) -> bytes:
        self._live()
        return super().transfer(data, count)

    def written(self, data: bytes) -> None:
        if not data:
            return
        self._pointer = data[0]
        for value in data[1:]:
            self._put(self._register(), value)
            self._step()

    def given(self, count: int) -> bytes:
        said = bytearray()
        for _ in range(count):
            said.append(self._get(self._register()))
            self._step()
        return bytes(said)

    # Registers.

    def _word(self, register: int) -> int:
        return int.from_bytes(self._held[register : register + 2], "little")

    def _register(self) -> int | None:
        """The register that the pointer names, as with BANK = 0; None where there is none."""
        at = self._pointer
        if self._held[IOCON] & BANK:
            at = (at & 0x0F) * 2 + (at >> 4) if at & 0x0F <= 0x0A and at < 0x20 else 0xFF
        return at if at < len(self._held) else None

    def _step(self) -> None:
        if self._held[IOCON] & BANK:
            self._pointer += not self._held[IOCON] & SEQOP
        elif self._held[IOCON] & SEQOP:
            self._pointer ^= 1
        else:
            self._pointer = (self._pointer + 1) % len(self._held)

    def _put(self, register: int | None, value: int) -> None:
        if register is None or register in READ_ONLY or self.faults.stuck_busy:
            return
        if register in (IOCON, IOCON + 1):
            self._held[IOCON] = self._held[IOCON + 1] = value & 0xFE
        elif register in (GPIO, GPIO + 1):
            self._held[register + OLAT - GPIO] = value
        else:
            self._held[register] = value

    def _get(self, register: int | None) -> int:
        if self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id ^ (self._pointer & 1)
        if register is None:
            return 0x00
        if register in (GPIO, GPIO + 1):
            self._clear(register & 1)
            return self.pins() >> 8 * (register & 1) & 0xFF
        said = self._held[register]
        if register in (INTCAP, INTCAP + 1):
            self._clear(register & 1)
        return said

    def _clear(self, half: int) -> None:
        self._held[INTF + half] = 0

    # Pins.

    def pins(self) -> int:
        """How the pins stand, as GPIO tells it."""
        pulled = self._word(GPPU) & ~self._active
        levels = self._active & ~self._grounds | self._grounds & pulled
        inputs = self._word(IODIR)
        return (levels ^ self._word(IPOL)) & inputs | self._word(OLAT) & ~inputs & 0xFFFF

    def _live(self) -> None:
        """What happened at the contacts since the last transfer, in the order of time."""
        happened = [
            (edge.at_us, wire.pins[edge.line], edge.level)
            for wire in self.wires for edge in wire.chip.edges() if edge.line in wire.pins
        ]  # fmt: skip
        for _, pin, level in sorted(happened, key=lambda each: each[0]):
            before = self.pins()
            self._active = self._active | 1 << pin if level else self._active & ~(1 << pin)
            if not self.faults.freeze:
                self._latch((before ^ self.pins()) & self._word(GPINTEN))

    def _latch(self, changed: int) -> None:
        for half, bits in enumerate(HALVES):
            if changed & bits and not self._held[INTF + half]:
                self._held[INTF + half] = changed >> 8 * half & 0xFF
                self._held[INTCAP + half] = self.pins() >> 8 * half & 0xFF
