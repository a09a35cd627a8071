"""Whole numbers as few bytes and bits: varints, zigzag and a stream of bits.

Bits are kept as text of `0` and `1`. That looks wasteful and is the fastest a plain interpreter can do: slicing,
splitting and `int(text, 2)` run at the speed of C, where shifting one big number costs its whole length each time.

Every number has one spelling only: a varint with idle bytes is refused, so that equal things are equal bytes.
"""

from __future__ import annotations

LONGEST_VARINT = 10  # bytes: 70 bits, more than any number of ours


class CodecError(ValueError):
    """Bytes that no writer of ours wrote."""


def zigzag(number: int) -> int:
    """0, -1, 1, -2, ... as 0, 1, 2, 3, ...: small stays small, whatever its sign."""
    return number << 1 if number >= 0 else ~(number << 1)


def unzigzag(code: int) -> int:
    """The number behind a zigzag code."""
    return code >> 1 ^ -(code & 1)


def varint(number: int) -> bytes:
    """Seven bits a byte, lowest first, top bit set on all but the last. Raises ValueError below 0 or above 70 bits."""
    if not 0 <= number < 1 << 7 * LONGEST_VARINT:
        raise ValueError(f"no varint holds {number}")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """(number, where the next thing begins). Raises CodecError when it is cut, too long or padded."""
    number = shift = 0
    for index in range(at, min(len(data), at + LONGEST_VARINT)):
        byte = data[index]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise CodecError("a number with idle bytes")
            return number, index + 1
        shift += 7
    raise CodecError("a number without an end")
