"""A simulated SEN55; told another product it is a SEN54 or a SEN50, and lacks what these lack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.command_chip import Handler
from simulators.chips.sen import PARTICLES, RESOLVES, RESTS, SPANS, SENChip

WEEK_S = 604_800
OTHERS = (Quantity.HUMIDITY, Quantity.TEMPERATURE, Quantity.VOC_INDEX, Quantity.NOX_INDEX)


class SEN5x(SENChip):
    """Particles, climate and gas indices at 0x69."""

    name = "sen5x"
    address = 0x69
    addresses = (0x69,)
    spans: ClassVar[Spans] = SPANS
    resolves: ClassVar[Values] = RESOLVES
    rests: ClassVar[Values] = RESTS
    product = "SEN55"
    order = (*PARTICLES, *OTHERS)
    take_code = 0x03C4
    stop_ms = 160.0

    def defaults(self) -> dict[int, list[int]]:
        period = [WEEK_S >> 16, WEEK_S & 0xFFFF]
        tuning = [100, 12, 12, 180, 50, 230]
        offset = {} if self.product == "SEN50" else {0x60B2: [0, 0, 0]}
        others = {0x60D0: tuning, 0x60E1: tuning, 0x6181: [0, 0, 0, 0], 0x60C6: [0], 0x60F7: [0]}
        return {0x8004: period, **offset, **others}

    def becomes(self, product: str) -> None:
        """Another module of the family."""
        self.product = product
        self.lacks = frozenset({"SEN50": OTHERS, "SEN54": OTHERS[3:], "SEN55": ()}[product])
        self.power_on()

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        return {**super().commands(), 0x5607: (20, lambda: None), 0xD100: (20, lambda: [0x0200, 0x0004, 0x0001, 0])}
