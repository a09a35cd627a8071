"""Where a thing hangs on I2C, as it is written: `i2c-1`, behind a mux `i2c-1/0x70.3`, behind two `i2c-1/0x70.3/0x71.0`.

A TCA9548A makes eight buses of one, each a segment named by the mux's address and the channel. Ports and lines that
chips on a bus offer are named the same way: `i2c-1/0x4d.a` is the first serial port of an SC16IS752, `i2c-1/0x20` the
lines of an MCP23017.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MUX_ADDRESSES = range(0x70, 0x78)
CHANNELS = range(8)
HOP = re.compile(r"(0x[0-9a-fA-F]{2})\.([0-7])")
LODGING = re.compile(r"(.+)/(0x[0-9a-fA-F]{2})(?:\.([ab]))?")
SHAPE = 'must look like "i2c-1", or "i2c-1/0x70.3" behind channel 3 of a TCA9548A at 0x70'


@dataclass(frozen=True, slots=True)
class Segment:
    """A bus, or what lies behind the channels of muxes on it: (address of the mux, channel), the nearest first."""

    root: str
    hops: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return "/".join([self.root, *(f"0x{address:02x}.{channel}" for address, channel in self.hops)])

    @property
    def parents(self) -> tuple[Segment, ...]:
        """The bus and every segment on the way here, the bus first, without this one."""
        return tuple(Segment(self.root, self.hops[:depth]) for depth in range(len(self.hops)))

    def seen_from(self, other: Segment) -> bool:
        """Whether what is said on `other` may be heard here or the other way round: one leads to the other."""
        depth = min(len(self.hops), len(other.hops))
        return self.root == other.root and self.hops[:depth] == other.hops[:depth]


@dataclass(frozen=True, slots=True)
class Lodging:
    """A chip on a bus that offers something itself: `part` is which of it ("a", "b"), or nothing."""

    segment: Segment
    address: int
    part: str = ""


def segment(path: str) -> Segment:
    """Read a bus as it is written. Raises ValueError saying what is allowed."""
    head, *tail = path.split("/0x")
    hops = [HOP.fullmatch(f"0x{part}") for part in tail]
    if not head or not all(hops):
        raise ValueError(SHAPE)
    return Segment(head, tuple((int(hop[1], 16), int(hop[2])) for hop in hops if hop))


def lodging(path: str) -> Lodging | None:
    """The chip that offers this port or these lines; None when the path is a device of its own. Raises ValueError."""
    found = LODGING.fullmatch(path)
    if found is None or "i2c" not in path:
        return None
    return Lodging(segment(found[1]), int(found[2], 16), found[3] or "")
