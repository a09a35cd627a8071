"""A simulated SGP41: two films, one of which is conditioned; how long it has been is remembered for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.command_chip import Answer, Handler
from simulators.chips.sgp4x import SGP4xChip


class SGP41(SGP4xChip):
    """Raw VOC and NOx ticks at 0x59."""

    name = "sgp41"
    measure_code = 0x2619
    features = 0x0040
    spans: ClassVar[Spans] = {Quantity.VOC_RAW: (0.0, 65_535.0), Quantity.NOX_RAW: (0.0, 65_535.0)}
    resolves: ClassVar[Values] = {Quantity.VOC_RAW: 1.0, Quantity.NOX_RAW: 1.0}
    rests: ClassVar[Values] = {Quantity.VOC_RAW: 30_000.0, Quantity.NOX_RAW: 15_000.0}
    conditioned_us = 0  # over its whole life: more than 10 s on end would damage it
    _since_us: int | None = None

    def power_on(self) -> None:
        self._cease()
        super().power_on()

    def written(self, data: bytes) -> None:
        self.count()
        super().written(data)

    def count(self) -> None:
        """Up to now."""
        if self._since_us is not None:
            self.conditioned_us += self.now_us() - self._since_us
            self._since_us = self.now_us()

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        return {**super().commands(), 0x2612: (50, self._condition), self.measure_code: (50, self._measured)}

    def _condition(self, humidity: int, temperature: int) -> Answer:
        self._since_us = self.now_us()
        return self.ticks(humidity, temperature, Quantity.VOC_RAW)

    def _measured(self, humidity: int, temperature: int) -> Answer:
        self._cease()
        return self.ticks(humidity, temperature, Quantity.VOC_RAW, Quantity.NOX_RAW)

    def _cool(self) -> Answer:
        self._cease()
        return super()._cool()

    def _cease(self) -> None:
        self.count()
        self._since_us = None
