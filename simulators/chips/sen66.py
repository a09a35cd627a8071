"""A simulated SEN66: idle it hears all, measuring it refuses what would disturb its CO2 chip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.command_chip import Answer, Handler
from simulators.chips.sen import PARTICLES, RESOLVES, RESTS, SPANS, SENChip

IDLE_ONLY = (0x6711, 0x6736, 0x5607)


class SEN66(SENChip):
    """Particles, climate, gas indices and CO2 at 0x6B."""

    name = "sen66"
    address = 0x6B
    addresses = (0x6B,)
    spans: ClassVar[Spans] = {**SPANS, Quantity.CO2: (400.0, 40_000.0)}
    resolves: ClassVar[Values] = {**RESOLVES, Quantity.CO2: 1.0}
    rests: ClassVar[Values] = {**RESTS, Quantity.CO2: 430.0}
    product = "SEN66"
    order = (
        *PARTICLES, Quantity.HUMIDITY, Quantity.TEMPERATURE, Quantity.VOC_INDEX, Quantity.NOX_INDEX, Quantity.CO2,
    )  # fmt: skip
    take_code = 0x0300
    stop_ms = 1_400.0
    self_calibration = 1  # kept over power-off
    offsets: tuple[int, ...] = ()  # what slot 0 was last told: write only
    blanks = False  # NOx and CO2 come late, as on hardware

    def power_on(self) -> None:
        self.late_us = {Quantity.NOX_INDEX: 10_000_000, Quantity.CO2: 22_000_000} if self.blanks else {}
        self.offsets = ()
        super().power_on()

    def defaults(self) -> dict[int, list[int]]:
        return {0x6720: [1013], 0x6736: [0], 0x60D0: [100, 12, 12, 180, 50, 230], 0x60E1: [1, 12, 12, 720, 50, 230],
                0x6181: [0, 0, 0, 0]}  # fmt: skip

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        known: dict[int, tuple[float, Handler]] = {
            **super().commands(), 0x60B2: (20, self._offset), 0x6711: (20, self._calibrate),
            0x5607: (20, lambda: None), 0xD100: (20, lambda: [0x0104]),
        }  # fmt: skip
        return {code: handler for code, handler in known.items() if not (self.measuring and code in IDLE_ONLY)}

    def _offset(self, degrees: int, slope: int, seconds: int, slot: int) -> Answer:
        self.offsets = (degrees, slope, seconds, slot)
        return None

    def _calibrate(self, *on: int) -> Answer:
        if not on:
            return [self.self_calibration]
        (self.self_calibration,) = on
        return None
