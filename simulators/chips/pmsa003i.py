"""A simulated PMSA003I: every read gives the frame from its first byte; it measures anew each second.

What is written to it is taken and means nothing (Linux users read it through a register). Until the first measurement,
a second after power-on, all of its words are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.errors import Nack
from drivers.pms5003 import MASS, NUMBER
from drivers.reading import Quantity
from simulators.chips.chip import MICRO, I2CChip, Spans, Values
from simulators.chips.pms5003 import framed

VERSION, ERROR = 0x97, 0
STEPS: Mapping[Quantity, int] = dict.fromkeys(MASS, 1) | dict.fromkeys(NUMBER, 100)


class PMSA003I(I2CChip):
    """Mass and number of particles at 0x12."""

    name = "pmsa003i"
    hides_busy = True
    address = 0x12
    addresses = (0x12,)
    spans: ClassVar[Spans] = dict.fromkeys(MASS, (0.0, 1000.0)) | dict.fromkeys(NUMBER, (0.0, 655.35))
    resolves: ClassVar[Values] = {quantity: 1 / steps for quantity, steps in STEPS.items()}
    rests: ClassVar[Values] = dict.fromkeys(MASS, 9.0) | dict.fromkeys(NUMBER, 1.0)
    loaded: bytes | None = None  # a vector's frame, said instead of its own

    def power_on(self) -> None:
        self._measured_us: int | None = None
        self._since_us = self.now_us()
        self._words = [0] * 13

    def written(self, data: bytes) -> None:
        """It has no registers."""

    def given(self, count: int) -> bytes:
        if self.faults.wrong_chip_id is not None:
            raise Nack("another chip, which gives nothing unasked")
        self._measure()
        frame = framed(b"".join(word.to_bytes(2, "big") for word in self._words))
        return ((self.loaded or frame) + b"\xff" * count)[:count]

    def _measure(self) -> None:
        last = self._since_us if self._measured_us is None else self._measured_us
        if self.faults.stuck_busy or self.now_us() - last < MICRO:
            return
        self._measured_us = self.now_us()
        self._words = [round(self.sense(quantity) * STEPS[quantity]) for quantity in (*MASS, *NUMBER)]
        self._words.append(VERSION << 8 | ERROR)

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name == "read":
            self.loaded = bytes.fromhex(value)
        else:
            super().take(name, value, door)
