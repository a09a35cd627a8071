"""A stream of bits, and how single numbers stand in it.

Bits are kept as text of `0` and `1`. That looks wasteful and is the fastest a plain interpreter can do: slicing,
splitting and `int(text, 2)` run at the speed of C, where shifting one big number costs its whole length each time.

    wide    5 bits of length (31: eleven more than that follow in 7 bits), then the number without its leading one
    small   `0` and 4 bits below 16, else `1` and the number as wide
"""

from __future__ import annotations

from edge.wire.codec import CodecError, unzigzag, zigzag

_LENGTH_BITS, _LONG, _MORE_BITS = 5, 31, 7
_SMALL_BITS = 4


def fixed(number: int, width: int) -> str:
    """The number in `width` bits; nothing at all for width 0."""
    return format(number, f"0{width}b") if width else ""


def wide(number: int) -> str:
    """Any number from 0 to 158 bits, at 5 bits more than it has."""
    length = number.bit_length()
    head = fixed(length, _LENGTH_BITS)
    if length >= _LONG:
        head = fixed(_LONG, _LENGTH_BITS) + fixed(length - _LONG, _MORE_BITS)
    return head + format(number, "b")[1:]


def small(number: int) -> str:
    """A number that is mostly below 16."""
    return "0" + fixed(number, _SMALL_BITS) if number < 1 << _SMALL_BITS else "1" + wide(number)


def signed_wide(number: int) -> str:
    """`wide`, for either sign."""
    return wide(zigzag(number))


def signed_small(number: int) -> str:
    """`small`, for either sign."""
    return small(zigzag(number))


def to_bytes(text: str) -> bytes:
    """The bits, filled up with zeros to whole bytes."""
    size = (len(text) + 7) // 8
    return (int(text, 2) << size * 8 - len(text)).to_bytes(size, "big") if text else b""


class BitReader:
    """Takes a stream of bits apart again. Every method raises CodecError where the stream ends too early."""

    __slots__ = ("at", "text")

    def __init__(self, data: bytes) -> None:
        self.text = bin(int.from_bytes(b"\x01" + data, "big"))[3:]
        self.at = 0

    def slice(self, width: int) -> str:
        """The next `width` bits as text."""
        end = self.at + width
        if end > len(self.text):
            raise CodecError("the bits end too early")
        piece = self.text[self.at : end]
        self.at = end
        return piece

    def fixed(self, width: int) -> int:
        """A number of `width` bits."""
        return int(self.slice(width), 2) if width else 0

    def wide(self) -> int:
        """What `wide` wrote."""
        length = self.fixed(_LENGTH_BITS)
        if length == _LONG:
            length += self.fixed(_MORE_BITS)
        return int("1" + self.slice(length - 1), 2) if length else 0

    def small(self) -> int:
        """What `small` wrote."""
        return self.wide() if self.fixed(1) else self.fixed(_SMALL_BITS)

    def signed_wide(self) -> int:
        """What `signed_wide` wrote."""
        return unzigzag(self.wide())

    def signed_small(self) -> int:
        """What `signed_small` wrote."""
        return unzigzag(self.small())

    def finish(self) -> None:
        """Nothing but the filling of the last byte may be left. Raises CodecError."""
        rest = self.text[self.at :]
        if len(rest) > 7 or "1" in rest:
            raise CodecError("bits are left over")
