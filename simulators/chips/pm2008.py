"""A simulated PM2008: opened, closed, read. After a loss of power it stands still and says zeros."""

from __future__ import annotations

import struct
from typing import Any, ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.cubic import CubicChip

READ, RUN = 0x0B, 0x0C
OPEN, CLOSE = b"\2", b"\1"
MASSES = (Quantity.PM1, Quantity.PM2_5, Quantity.PM10)
NUMBERS = (
    Quantity.NC_GT0_3, Quantity.NC_GT0_5, Quantity.NC_GT1, Quantity.NC_GT2_5, Quantity.NC_GT5, Quantity.NC_GT10,
)  # fmt: skip
TSI = 0.9  # what the other instrument would make of the same dust
FIRST_US = 1_000_000


class PM2008(CubicChip):
    """Masses, numbers."""

    name = "pm2008"
    spans: ClassVar[Spans] = dict.fromkeys(MASSES, (0.0, 1000.0)) | dict.fromkeys(NUMBERS, (0.0, 655.35))
    resolves: ClassVar[Values] = dict.fromkeys(MASSES, 1.0) | dict.fromkeys(NUMBERS, 0.01)
    rests: ClassVar[Values] = dict.fromkeys(MASSES, 9.0) | dict.fromkeys(NUMBERS, 1.0)
    opened = 0

    def power_on(self) -> None:
        super().power_on()
        self.running, self._first_us = False, 0

    def obey(self, code: int, data: bytes) -> None:
        if code == READ and self.faults.wrong_chip_id is not None:
            self.utter(self.framed(READ, bytes(16)))  # a PM1006, which tells less
        elif code == READ:
            self.answer(self.framed(READ, self.measurement()))
        elif code == RUN and data[:1] in (OPEN, CLOSE):
            if data[:1] == OPEN and not self.running:
                self.opened, self._first_us = self.opened + 1, self.now_us() + FIRST_US
            self.running = data[:1] == OPEN
            self.utter(self.framed(RUN, data[:1]))

    def measurement(self) -> bytes:
        """GRIMM masses, TSI masses, numbers, four bytes of nothing."""
        if not self.running or self.faults.stuck_busy or self.now_us() < self._first_us:
            return bytes(52)
        masses = [self.sense(quantity) for quantity in MASSES]
        words = masses + [mass * TSI for mass in masses] + [self.sense(quantity) * 100 for quantity in NUMBERS]
        return struct.pack(">12I4x", *map(round, words))

    def take(self, name: str, value: Any, door: Any) -> None:
        """It never speaks unasked: a vector's stream is what it answers."""
        super().take("reply" if name == "stream" else name, value, door)
