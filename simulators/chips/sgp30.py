"""A simulated SGP30: 400 and 0 until it is started and for 15 s after, then what it feels; it learns a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.command_chip import Answer, CommandChip, Handler

SILENT_US = 15_000_000
NOTHING, NO_BASELINE, BASELINE = [400, 0], [0, 0], [0x8973, 0x8AAE]


class SGP30(CommandChip):
    """Total VOC and equivalent CO2 at 0x58."""

    name = "sgp30"
    address = 0x58
    addresses = (0x58,)
    spans: ClassVar[Spans] = {Quantity.ECO2: (400.0, 60_000.0), Quantity.TVOC: (0.0, 60_000.0)}
    resolves: ClassVar[Values] = {Quantity.ECO2: 1.0, Quantity.TVOC: 1.0}
    rests: ClassVar[Values] = {Quantity.ECO2: 450.0, Quantity.TVOC: 20.0}
    features = 0x0022
    serial = (0x0000, 0x0123, 0x4567)

    def power_on(self) -> None:
        super().power_on()
        self._began_us: int | None = None
        self._baseline: list[int] | None = None  # set by somebody
        self.humidity = 0

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        return {
            0x2003: (10, self._start), 0x2008: (12, self._measured), 0x2015: (10, self._said_baseline),
            0x201E: (10, self._take_baseline), 0x2061: (10, self._wet), 0x2032: (220, lambda: [0xD400]),
            0x202F: (10, lambda: [self.features]), 0x2050: (25, lambda: [13_119, 18_472]),
            0x3682: (1, lambda: self.serial),
        }  # fmt: skip

    def _learnt(self) -> bool:
        return self._began_us is not None and self.now_us() - self._began_us >= SILENT_US

    def _start(self) -> Answer:
        self._began_us, self._baseline = self.now_us(), None
        return None

    def _measured(self) -> Answer:
        if not self._learnt():
            return NOTHING
        return [round(self.sense(Quantity.ECO2)), round(self.sense(Quantity.TVOC))]

    def _said_baseline(self) -> Answer:
        return (self._baseline or BASELINE) if self._learnt() else NO_BASELINE

    def _take_baseline(self, tvoc: int, eco2: int) -> Answer:
        self._baseline = [eco2, tvoc]
        return None

    def _wet(self, grams: int) -> Answer:
        self.humidity = grams
        return None
