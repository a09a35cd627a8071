"""Registers that move: ask until two answers in a row are the same.

A chip that measures by itself may renew a register between two looks, and then they differ though nothing is wrong.
It does so every tenth of a second and a look takes a thousandth, so that of a few looks two in a row agree unless the
bus flips bits. Registers that stand still are better read `twice` (drivers.register_chip), which forgives nothing.
"""

from __future__ import annotations

from drivers.errors import ChecksumError
from drivers.register_chip import answered
from drivers.talk import Talk, WriteRead

LOOKS = 4


def steady(first: int, count: int) -> Talk[bytes]:
    """The bytes from this register on, told twice in a row. Raises ChecksumError, FramingError."""
    asked = WriteRead(bytes([first]), count)
    before = yield from answered(asked)
    for _ in range(LOOKS - 1):
        now = yield from answered(asked)
        if now == before:
            return now
        before = now
    raise ChecksumError(f"no two readings in a row of register {first:02X} are the same: the bus flips bits")
