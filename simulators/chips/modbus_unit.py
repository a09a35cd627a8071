"""The half that simulated Modbus units share: questions in, answers out, RTU or MBAP, as the specification has it.

A subclass says which words it holds in its input and holding registers (`inputs`, `holdings`) and which of them can be
written (`keep`). What is not for this unit, or does not fit its CRC, is met with silence. What it does not have is
refused: exception 1 for a function, 2 for a register, 3 for a number of registers. `stuck_busy` is refused with 6, and
another device (`wrong_chip_id`) has none of these registers.

A vector's reply is given, word for word, to the next question about the register `first`; other questions get answers
of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Literal

from drivers.checks import crc16
from drivers.driver import Driver, SerialLine
from drivers.rtu import Unit
from simulators.chips.serial_chip import SerialChip

HOLDING, INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
READS = (HOLDING, INPUT)
NO_FUNCTION, NO_REGISTER, NO_VALUE, BUSY = 1, 2, 3, 6
SHORT = 8  # bytes of every question but WRITE_MANY
LONGEST = 256
EVERYBODY = 0


def float_words(value: float) -> tuple[int, int]:
    """An IEEE 754 single in two registers, high word first."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def sealed(body: bytes) -> bytes:
    """The frame of an RTU line."""
    return body + crc16(body, 0xFFFF).to_bytes(2, "little")


class ModbusUnit(SerialChip):
    """One unit. `unit` and `framing` may be set on an instance."""

    unit = 1
    framing: Literal["rtu", "tcp"] = "rtu"
    line = SerialLine(9600)
    most = 125  # registers in one question
    first = 0  # the register whose answer a vector may give
    unit_can_be_set = True
    writes = 0  # how often something was written into it

    def power_on(self) -> None:
        self._heard = bytearray()
        self._line.clear()

    def suit(self, reader: Driver) -> None:
        """Be the unit that this driver of a board expects: its number, its framing, its maker."""
        unit = getattr(reader, "unit", None)
        if isinstance(unit, Unit) and self.unit_can_be_set:
            self.unit, self.framing = unit.number, "tcp" if unit.framing == "tcp" else "rtu"
        if "profile" in reader.chosen:
            vars(self)["profile"] = reader.chosen["profile"]

    def inputs(self) -> Mapping[int, int]:
        """The input registers as they are now."""
        return {}

    def holdings(self) -> Mapping[int, int]:
        """The holding registers as they are now."""
        return {}

    def keep(self, address: int, word: int) -> bool:
        """Take a word into a holding register; whether it can be written."""
        return False

    def frame_due(self) -> tuple[bytes, int | None]:
        return b"", None

    def hear(self, data: bytes) -> None:
        self._heard += data
        if self.framing == "tcp":
            self._hear_socket()
        else:
            self._hear_line()
        del self._heard[:-LONGEST]

    def _hear_line(self) -> None:
        """A question is where its CRC fits; units of metal know by the silence before it."""
        at = 0
        while at + SHORT <= len(self._heard):
            size = self._size(at)
            frame = bytes(self._heard[at : at + size])
            if len(frame) == size and sealed(frame[:-2]) == frame:
                del self._heard[: at + size]
                at = 0
                self._asked(frame[0], frame[1:-2], frame[:0])
            else:
                at += 1

    def _size(self, at: int) -> int:
        return SHORT + 1 + self._heard[at + 6] if self._heard[at + 1] == WRITE_MANY else SHORT

    def _hear_socket(self) -> None:
        while len(self._heard) >= 8 and len(self._heard) >= (size := 6 + int.from_bytes(self._heard[4:6], "big")):
            frame = bytes(self._heard[:size])
            del self._heard[:size]
            self._asked(frame[6], frame[7:], frame[:4])

    def _asked(self, unit: int, asked: bytes, mark: bytes) -> None:
        if unit not in self.numbers():
            return
        answer = self._answered(asked)
        if unit == EVERYBODY and self.framing == "rtu":
            return
        body = bytes([unit]) + answer
        own = sealed(body) if self.framing == "rtu" else mark + len(body).to_bytes(2, "big") + body
        if asked[0] in READS and int.from_bytes(asked[1:3], "big") == self.first:
            self.answer(own)
        else:
            self.utter(own)

    def numbers(self) -> tuple[int, ...]:
        """The unit numbers that it answers to; 0 means everybody, who are told and not asked."""
        return (self.unit, EVERYBODY)

    def _answered(self, asked: bytes) -> bytes:
        refused = self._refusal(asked)
        if refused:
            return bytes([asked[0] | 0x80, refused])
        address, count = struct.unpack(">HH", asked[1:5])
        if asked[0] in READS:
            held = self._held(asked[0])
            words = b"".join(held[address + at].to_bytes(2, "big") for at in range(count))
            return bytes([asked[0], len(words)]) + words
        return self._written(asked, address)

    def _refusal(self, asked: bytes) -> int:
        if self.faults.stuck_busy:
            return BUSY
        if asked[0] not in (*READS, WRITE_ONE, WRITE_MANY) or len(asked) < 5:
            return NO_FUNCTION
        address, count = struct.unpack(">HH", asked[1:5])
        if asked[0] in READS and not 1 <= count <= self.most:
            return NO_VALUE
        held = {} if self.faults.wrong_chip_id is not None else self._held(asked[0])
        wanted = range(address, address + (1 if asked[0] == WRITE_ONE else count))
        return 0 if all(at in held for at in wanted) else NO_REGISTER

    def _held(self, function: int) -> Mapping[int, int]:
        return self.inputs() if function == INPUT else self.holdings()

    def _written(self, asked: bytes, address: int) -> bytes:
        words = asked[3:5] if asked[0] == WRITE_ONE else asked[6:]
        for at in range(0, len(words), 2):
            if not self.keep(address + at // 2, int.from_bytes(words[at : at + 2], "big")):
                return bytes([asked[0] | 0x80, NO_REGISTER])
            self.writes += 1
        return asked[:5]
