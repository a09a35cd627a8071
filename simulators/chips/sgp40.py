"""A simulated SGP40: one film, one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.command_chip import Answer, Handler
from simulators.chips.sgp4x import SGP4xChip


class SGP40(SGP4xChip):
    """Raw VOC ticks at 0x59."""

    name = "sgp40"
    measure_code = 0x260F
    features = 0x3240
    spans: ClassVar[Spans] = {Quantity.VOC_RAW: (0.0, 65_535.0)}
    resolves: ClassVar[Values] = {Quantity.VOC_RAW: 1.0}
    rests: ClassVar[Values] = {Quantity.VOC_RAW: 30_000.0}

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        return {**super().commands(), self.measure_code: (30, self._measured)}

    def _measured(self, humidity: int, temperature: int) -> Answer:
        return self.ticks(humidity, temperature, Quantity.VOC_RAW)
