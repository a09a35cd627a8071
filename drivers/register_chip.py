"""Chips that are a row of registers and have no checksum: reading is asking twice.

A Raspberry Pi's bus flips bits without an error when a chip stretches the clock or a cable is long. What stands still
in a register can be read again, and two answers that differ are worth nothing. Registers that are all zeros or all
ones are what a bus says on which nobody speaks.
"""

from __future__ import annotations

from drivers.errors import BusFault, ChecksumError, FramingError
from drivers.talk import Talk, WriteRead


def registers(first: int, count: int) -> Talk[bytes]:
    """The bytes from this register on. Raises FramingError when another number of them comes."""
    return (yield from answered(WriteRead(bytes([first]), count)))


def answered(asked: WriteRead) -> Talk[bytes]:
    """As many bytes as were asked for. Raises FramingError when another number of them comes."""
    answer = yield asked
    if len(answer) != asked.count:
        raise FramingError(f"{len(answer)} bytes came where {asked.count} were asked for")
    return answer


def twice(first: int, count: int) -> Talk[bytes]:
    """Registers that stand still, read twice. Raises ChecksumError when the answers differ."""
    asked = WriteRead(bytes([first]), count)
    once = yield from answered(asked)
    again = yield from answered(asked)
    if once != again:
        raise ChecksumError(f"two readings of register {first:02X} differ: the bus flips bits")
    return once


def alive(first: int, data: bytes) -> bytes:
    """The same bytes. Raises BusFault when they are all zeros or all ones."""
    if set(data) in ({0x00}, {0xFF}):
        raise BusFault(f"registers from {first:02X} are all {data[0]:02X}: nobody drives the bus")
    return data
