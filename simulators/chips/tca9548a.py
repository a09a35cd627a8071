"""A simulated TCA9548A: a register, and eight buses behind it.

Whoever speaks before an open channel is heard behind it, and the other way round: so a chip that holds the lines of an
open channel holds everything, this register too. Only clocks that free the chip, RESET or a power cut help then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

CHANNELS = 8


class TCA9548A(I2CChip):
    """At 0x70 to 0x77; `channels[n]` is what hangs on channel n, by address."""

    name = "tca9548a"
    address = 0x70
    addresses = tuple(range(0x70, 0x78))
    spans: ClassVar[Spans] = {}
    resolves: ClassVar[Values] = {}
    rests: ClassVar[Values] = {}

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self.channels: list[dict[int, I2CChip]] = [{} for _ in range(CHANNELS)]
        super().__init__(now_us, noise)

    def power_on(self) -> None:
        self.mask = 0

    def reset(self) -> None:
        self.mask = 0

    def written(self, data: bytes) -> None:
        if data and not self.faults.stuck_busy:
            self.mask = data[-1]

    def given(self, count: int) -> bytes:
        return bytes([self.mask]) * count

    def behind(self) -> Iterator[tuple[int, I2CChip]]:
        if self.faults.unplug:
            return
        for number, chips in enumerate(self.channels):
            if self.mask >> number & 1:
                for address, chip in chips.items():
                    yield address, chip
                    yield from chip.behind()
