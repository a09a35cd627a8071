"""Modbus devices are maps: a quantity lies in these registers, in this type, times this. One driver reads them all.

Registers that lie next to each other are asked for in one request, up to 80 (more is refused by some meters); holes
are never read across, because many devices refuse a request that touches a register they do not have.

Sensors on one RS485 line share its port (`shares`), each with its own unit number. What a map says is absent, and what
is no number, gives no reading; when nothing is left, nothing was measured.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from drivers.driver import SerialDriver, SerialLine
from drivers.errors import DriverError, NotMeasured
from drivers.reading import Quantity, Reading
from drivers.rtu import READ_HOLDING, READ_INPUT, Framing, Unit
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

MOST = 80
TYPES = {"u16": "H", "s16": "h", "u32": "I", "s32": "i", "float32": "f"}  # ... and with the low word first:
SWAPPED = {"u32le": "u32", "s32le": "s32", "float32le": "float32"}
Parity = Literal["N", "E", "O"]

UNIT = Setting("unit", 1, "number of the unit on its line", (), 1, 247)
BAUD = Setting("baud", 9600, "baud rate", (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200))
PARITY = Setting("parity", "N", "parity: none, even or odd", ("N", "E", "O"))
STOP = Setting("stop", 1, "stop bits", (1, 2))


@dataclass(frozen=True, slots=True)
class Register:
    """Where a quantity lies and how: `value = raw * scale + offset`, in the unit of the quantity."""

    quantity: Quantity
    address: int
    channel: str = ""
    kind: str = "input"  # or "holding"
    type: str = "float32"
    scale: float = 1.0
    offset: float = 0.0
    absent: int = -1  # the raw bits, unsigned, that mean "no value"; -1: none do

    @property
    def words(self) -> int:
        return 1 if self.type.endswith("16") else 2

    @property
    def decimals(self) -> int:
        """How finely it tells its quantity; never finer than the house stores it."""
        if self.type.startswith("float"):
            return self.quantity.decimals
        finest = max(-int(Decimal(str(n)).as_tuple().exponent) for n in (self.scale, self.offset or 1))
        return max(0, min(finest, self.quantity.decimals))

    def value(self, data: bytes) -> float | None:
        """What these bytes mean; None when they mean that there is no value."""
        if self.type in SWAPPED:
            data = data[2:] + data[:2]
        if int.from_bytes(data, "big") == self.absent:
            return None
        (raw,) = struct.unpack(">" + TYPES[SWAPPED.get(self.type, self.type)], data)
        value = float(raw * self.scale + self.offset)
        return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Block:
    """Registers that are asked for in one request."""

    kind: str
    address: int
    count: int


def blocks(registers: Iterable[Register], most: int = MOST) -> tuple[Block, ...]:
    """The requests that fetch all of them, by address; a register is never torn."""
    found: list[Block] = []
    for one in sorted(registers, key=lambda r: (r.kind, r.address, r.words)):
        end = one.address + one.words
        last = found[-1] if found else None
        if last and last.kind == one.kind and one.address <= last.address + last.count and end - last.address <= most:
            found[-1] = Block(last.kind, last.address, max(last.count, end - last.address))
        else:
            found.append(Block(one.kind, one.address, one.words))
    return tuple(found)


class RegisterDriver(SerialDriver):
    """A Modbus device that is nothing but a map. Subclasses say `map`, or hand it to `lay`."""

    shares = "modbus"
    map: tuple[Register, ...] = ()

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.settle()
        self._blocks = blocks(self.map)

    def settle(self, unit: int = 1, baud: int = 9600) -> None:
        """Take unit and line from the settings; where these do not say (or say 0), from here."""
        self.line = SerialLine(self._number("baud") or baud, 8, self._parity(), 2 if self._number("stop") == 2 else 1)
        framing: Framing = str(self.chosen.get("framing", "rtu"))  # type: ignore[assignment]
        number = self._number("unit") if framing == "tcp" else self._number("unit") or unit
        self.unit = Unit(number, framing, self.line.baud)

    def lay(self, registers: tuple[Register, ...]) -> None:
        """Take this map."""
        self.map, self.measures = registers, quantities(registers)
        self.decimals = {q: max(one.decimals for one in registers if one.quantity is q) for q in self.measures}
        self._blocks = blocks(registers)

    def _number(self, name: str) -> int:
        return int(self.chosen.get(name, 0))

    def _parity(self) -> Parity:
        parity = self.chosen.get("parity", "N")
        return "E" if parity == "E" else "O" if parity == "O" else "N"

    def read(self) -> Talk[list[Reading]]:
        """All that the map names. Raises DriverError, NotMeasured when nothing of it has a value."""
        content = yield from self._content()
        readings = []
        for one in self.map:
            value = one.value(b"".join(content[one.kind, one.address + word] for word in range(one.words)))
            if value is not None:
                readings.append(Reading(one.quantity, value, one.channel))
        if not readings:
            raise NotMeasured(f"unit {self.unit.number} has no value in any of its registers")
        return readings

    def probe(self) -> Talk[bool]:
        """Whether a unit of this number has all of these registers, and plausible values in them."""
        try:
            readings = yield from self.read()
        except DriverError:
            return False
        return all(reading.quantity.plausible(reading.value) for reading in readings)

    def _content(self) -> Talk[dict[tuple[str, int], bytes]]:
        found: dict[tuple[str, int], bytes] = {}
        for block in self._blocks:
            function = READ_INPUT if block.kind == "input" else READ_HOLDING
            data = yield from self.unit.registers(function, block.address, block.count)
            found |= {(block.kind, block.address + at): data[2 * at : 2 * at + 2] for at in range(block.count)}
        return found


def octets(registers: Sequence[Register]) -> int:
    """Bytes on the wire for one reading of them all, requests and answers."""
    return sum(8 + 5 + 2 * block.count for block in blocks(registers))


def quantities(registers: Sequence[Register]) -> tuple[Quantity, ...]:
    """What a map measures, in its order."""
    return tuple(dict.fromkeys(one.quantity for one in registers))
