"""A simulated cup anemometer: one closure a second in a wind of 2.4 km/h, and so on up to a hurricane."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.turning_chip import TurningChip

PER_HZ = 2.4 / 3.6  # m/s
STEADY_S = 20.0


class Anemometer(TurningChip):
    """`true_count` closures."""

    name = "anemometer"
    quantity = Quantity.WIND_SPEED
    closed_us = 50_000
    steady_s = STEADY_S
    per_hz = PER_HZ
    spans: ClassVar[Spans] = {Quantity.WIND_SPEED: (0.0, 60.0)}
    resolves: ClassVar[Values] = {Quantity.WIND_SPEED: PER_HZ / STEADY_S}
    rests: ClassVar[Values] = {Quantity.WIND_SPEED: 0.0}

    def hz(self, felt: float) -> float:
        return felt / self.per_hz
