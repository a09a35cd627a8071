"""How a true answer becomes a hostile one: hurt within its seal, so that what lies behind the checksum is reached.

Bytes at random die at the first checksum and prove little. Here the truth is opened first (the seals of the field are
known by fitting it: words with a CRC, sums, Modbus, SHDLC, NMEA, P1), hurt where it hurts (one bit, a field at its
extremes, a float that is none, a number of four hundred digits), and mostly sealed again. Everything is drawn from one
`Random` that is handed in, so that a seed is the whole story.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from random import Random

from drivers.checks import crc8, word
from drivers.shdlc import framed, unstuffed

FIELDS: tuple[bytes, ...] = (
    *(bytes([byte]) for byte in (0x00, 0x01, 0x7E, 0x7F, 0x80, 0x81, 0xFE, 0xFF)),
    *(bytes.fromhex(two) for two in ("0000", "0001", "7fff", "8000", "ffff", "ff7f", "0080", "0100", "fffe")),
    *(struct.pack(order + "f", value) for order in "<>" for value in
      (float("nan"), float("inf"), float("-inf"), 3.4e38, -3.4e38, 1e-45, -0.0)),
    b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff", bytes(4), bytes(8), b"\xff" * 8,
)  # fmt: skip
NUMBERS: tuple[bytes, ...] = (
    b"", b"-", b"+", b".", b"-0", b"00000000", b"1e999", b"-1e999", b"1e-999", b"9e99", b"NaN", b"nan", b"Infinity",
    b"-inf", b"0x1F", b"1_000", b"1,5", b"9" * 19, b"9" * 400, b"9" * 5000, b"-" + b"9" * 300 + b".9",
    b"0." + b"0" * 300 + b"1", b"1e" + b"9" * 30,
    b"\xd9\xa1\xd9\xa2", b"\xb2", b" 7", b"1.2.3", b"--5", b"null", b"true", b"[]", b"{}", b'"x"',
    b"[" * 3000, b'{"a":' * 400, b"\x00", b"\xff", b"999999", b"000000", b"250000", b"99", b"-1",
)  # fmt: skip
TEXT = re.compile(rb"[\t\r\n\0 -~]*")
NUMBER = re.compile(rb"\d+(?:\.\d+)?")
SNARES: tuple[bytes, ...] = (
    b"\xaa", b"\xaa\xc0", b"BM", b"BM\x00\x1c", b"BM\xff\xff", b"/", b"!", b"\r\n", b"\x00" * 9, b"\xff" * 9, b"~",
    b"}", b"$GP", b"*", b"\xf4\xf3\xf2\xf1", b"\xf8\xf7\xf6\xf5", b"YY", b"YYYY", b"\x16", b"{",
    b"\xaa\xff\x03\x00", b"\n",
)  # fmt: skip


@dataclass(frozen=True)
class Seal:
    """A way to guard bytes: `opened` gives what is guarded (None when the seal does not fit), `closed` guards it."""

    name: str
    opened: Callable[[bytes], bytes | None]
    closed: Callable[[bytes], bytes]


def _words() -> Seal:
    def closed(data: bytes) -> bytes:
        data += bytes(len(data) % 2)
        return b"".join(word(int.from_bytes(data[at : at + 2], "big")) for at in range(0, len(data), 2))

    def opened(wire: bytes) -> bytes | None:
        data = b"".join(wire[at : at + 2] for at in range(0, len(wire), 3))
        return data if len(wire) % 3 == 0 and closed(data) == wire else None

    return Seal("words", opened, closed)


def _tailed(name: str, sum_of: Callable[[bytes], bytes], head: int = 0, tail: bytes = b"") -> Seal:
    """A sum over everything from `head` on, behind it, and then bytes that never change."""

    def closed(data: bytes) -> bytes:
        return data + sum_of(data[head:]) + tail

    def opened(wire: bytes) -> bytes | None:
        data = wire[: len(wire) - len(tail) - len(sum_of(b""))]
        return data if len(data) > max(2, head) and closed(data) == wire else None

    return Seal(name, opened, closed)


def _byte(value: int) -> bytes:
    return bytes([value & 0xFF])


def _shdlc() -> Seal:
    def opened(wire: bytes) -> bytes | None:
        data = unstuffed(wire[1:-1])[:-1]
        return data if framed(data) == wire else None

    return Seal("shdlc", opened, framed)


def _nmea() -> Seal:
    def closed(data: bytes) -> bytes:
        total = 0
        for byte in data:
            total ^= byte
        return b"$" + data + b"*%02X\r\n" % total

    def opened(wire: bytes) -> bytes | None:
        data = wire[1:-5]
        return data if closed(data) == wire else None

    return Seal("nmea", opened, closed)


def _p1() -> Seal:
    def closed(data: bytes) -> bytes:
        return data + b"!%04X\r\n" % _crc16(data + b"!", 0)

    def opened(wire: bytes) -> bytes | None:
        data = wire[:-7]
        return data if closed(data) == wire else None

    return Seal("p1", opened, closed)


def _pec(address: int, question: bytes) -> Seal:
    """SMBus: the CRC runs over the addresses and the question too."""
    ahead = bytes([address << 1]) + question + bytes([address << 1 | 1])
    return _tailed("pec", lambda data: _byte(crc8(ahead + data, 0x07, 0)))


TABLE = [reduce(lambda crc, _: crc >> 1 ^ 0xA001 * (crc & 1), range(8), byte) for byte in range(256)]


def _crc16(data: bytes, start: int) -> int:
    """By table, because thousands are made."""
    for byte in data:
        start = start >> 8 ^ TABLE[(start ^ byte) & 0xFF]
    return start


SEALS: tuple[Seal, ...] = (
    _words(),
    _shdlc(),
    _nmea(),
    _p1(),
    _tailed("modbus", lambda data: _crc16(data, 0xFFFF).to_bytes(2, "little")),
    *(_tailed(f"sum {head}", lambda data: _byte(sum(data)), head) for head in (0, 1, 2)),
    _tailed("sds011", lambda data: _byte(sum(data)), 2, b"\xab"),
    *(_tailed(f"complement {head}", lambda data: _byte(-sum(data)), head) for head in (0, 1, 2)),
    _tailed("inverse", lambda data: _byte(~sum(data))),
    _tailed("sum16", lambda data: (sum(data) & 0xFFFF).to_bytes(2, "big")),
    _tailed("zh03b", lambda data: _byte(~sum(data) + 1), 1),
    _tailed("xor", lambda data: _byte(_xor(data))),
)
BARE = Seal("bare", lambda wire: wire, lambda data: data)


def _xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


@lru_cache(maxsize=64)
def seal_of(truth: bytes, address: int = 0, question: bytes = b"") -> Seal:
    """The seal that fits this truth; bare bytes have none."""
    guarded = _pec(address, question)
    if address and guarded.closed(truth[:-1]) == truth:
        return guarded
    return next((seal for seal in SEALS if seal.opened(truth) is not None), BARE)


# To hurt: each takes the guarded bytes and gives others.


def _flip(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def _field(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    field = dice.choice(FIELDS)
    at = dice.randrange(len(data))
    at -= at % min(len(field), 4)
    data[at : at + len(field)] = field[: len(data) - at]


def _noise(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    data[:] = dice.randbytes(len(data))


def _one_byte(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    data[dice.randrange(len(data))] = dice.randrange(256)


def _all_alike(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    data[:] = bytes([dice.choice((0, 0xFF, 0x80, 0x7F, dice.randrange(256)))]) * len(data)


def _run(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    """A stretch at its extreme."""
    at, size = dice.randrange(len(data)), dice.randrange(1, 9)
    stretch = data[at : at + size]
    data[at : at + size] = bytes([dice.choice((0, 0xFF))]) * len(stretch)


def _splice(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    other = dice.choice(others)
    at = dice.randrange(len(data))
    data[at:] = (other[at:] or other)[: len(data) - at].ljust(len(data) - at, b"\0")


def _turn(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    data[:] = data[at:] + data[:at]


def _count(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    """Off by one."""
    at = dice.randrange(len(data))
    data[at] = (data[at] + dice.choice((-1, 1))) & 0xFF


HURTS = (_flip, _field, _field, _field, _noise, _one_byte, _one_byte, _all_alike, _run, _splice, _turn, _count)


def _cut(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    del data[dice.randrange(len(data)) :]


def _out(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    del data[at : at + dice.randrange(1, 9)]


def _twice(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at, size = dice.randrange(len(data)), dice.randrange(1, 40)
    data[at:at] = data[at : at + size] * dice.choice((1, 1, 2, 50))


def _snare(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    data[at:at] = dice.choice(SNARES) * dice.choice((1, 1, 1, 60))


def _number(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    """A number in a text becomes another, or none."""
    found = [*NUMBER.finditer(data)]
    if found:
        place = dice.choice(found)
        data[place.start() : place.end()] = dice.choice(NUMBERS)


RESHAPES = (_cut, _out, _twice, _snare)


def is_text(data: bytes) -> bool:
    """Whether people could read it."""
    return TEXT.fullmatch(data) is not None


def hurt(truth: bytes, dice: Random, others: Sequence[bytes], address: int = 0, question: bytes = b"") -> bytes:
    """Another answer of the same length, its seal mostly whole."""
    seal = seal_of(truth, address, question)
    data = bytearray(seal.opened(truth) or b"")
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        if data:
            dice.choice(HURTS)(data, dice, others)
    broken = seal.closed(bytes(data))
    if dice.random() < 0.08:
        broken = dice.randbytes(len(truth)) if dice.random() < 0.5 else bytes([dice.choice((0, 0xFF))]) * len(truth)
    elif dice.random() < 0.08 and broken:
        raw = bytearray(broken)
        dice.choice(HURTS)(raw, dice, others)
        broken = bytes(raw)
    return broken


def misshapen(truth: bytes, dice: Random, others: Sequence[bytes]) -> bytes:
    """Another answer of any length, its seal mostly whole: for lines that say as much as they like."""
    seal = seal_of(truth)
    data = bytearray(seal.opened(truth) or b"")
    ways = (_number, _number, _number, *RESHAPES, *HURTS) if is_text(bytes(data)) else (*RESHAPES, *HURTS, *HURTS)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if data:
            dice.choice(ways)(data, dice, others)
    broken = bytearray(seal.closed(bytes(data)))
    if dice.random() < 0.15 and broken:
        dice.choice((*RESHAPES, *HURTS))(broken, dice, others)
    if dice.random() < 0.1:
        broken[:0] = dice.choice((dice.choice(SNARES), dice.randbytes(dice.randrange(1, 40)), dice.choice(others)))
    return bytes(broken)
