"""A simulated CM1106: reads, baseline, calibration, version; it preheats for half a minute after a loss of power."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.cubic import CubicChip

READ, CALIBRATE, ABC, VERSION = 0x01, 0x03, 0x10, 0x1E
PREHEATING = 0x01
PREHEAT_US = 30_000_000


class CM1106(CubicChip):
    """CO2. What it is set to it keeps."""

    name = "cm1106"
    spans: ClassVar[Spans] = {Quantity.CO2: (1.0, 5000.0)}
    resolves: ClassVar[Values] = {Quantity.CO2: 1.0}
    rests: ClassVar[Values] = {Quantity.CO2: 430.0}
    version = b"CM V0.0.20 "
    knows_version = True
    baseline, days = True, 15
    settings = calibrated = 0  # how often it was told
    _started = False

    def power_on(self) -> None:
        super().power_on()
        self._warm_us = self.now_us() + PREHEAT_US if self._started else 0
        self._started = True

    def obey(self, code: int, data: bytes) -> None:
        if code == READ:
            self.answer(self.framed(READ, self.measurement()))
        elif code == VERSION and self.knows_version:
            found = self.version if self.faults.wrong_chip_id is None else b"PM V1.0.00 "
            self.utter(self.framed(VERSION, found))
        elif code == ABC and len(data) == 6:
            self.baseline, self.days, self.settings = data[1] == 0, data[2], self.settings + 1
            self.utter(self.framed(ABC))
        elif code == CALIBRATE:
            self.calibrated = int.from_bytes(data, "big")
            self.utter(self.framed(CALIBRATE))

    def measurement(self) -> bytes:
        """CO2, status, reserved; no CO2 before anything is measured."""
        co2 = 0 if self.faults.stuck_busy else round(self.sense(Quantity.CO2))
        cold = self.faults.stuck_busy or self.now_us() < self._warm_us
        return co2.to_bytes(2, "big") + bytes([PREHEATING if cold else 0, 0])
