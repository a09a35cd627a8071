"""A simulated rain gauge: its bucket tips each time so much has fallen. It feels millimetres in an hour."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.turning_chip import TurningChip

MM_PER_TIP = 0.2794


class Rain(TurningChip):
    """`true_count` tips of `mm_per_tip`."""

    name = "rain"
    quantity = Quantity.RAIN
    closed_us = 60_000
    steady_s = 3600.0
    mm_per_tip = MM_PER_TIP
    spans: ClassVar[Spans] = {Quantity.RAIN: (0.0, 300.0)}
    resolves: ClassVar[Values] = {Quantity.RAIN: MM_PER_TIP}
    rests: ClassVar[Values] = {Quantity.RAIN: 0.0}

    def hz(self, felt: float) -> float:
        return felt / self.mm_per_tip / 3600
