"""The half that simulated SEN modules share: idle or measuring, one measurement a second, a status, a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import MICRO, Spans, Values
from simulators.chips.command_chip import Answer, CommandChip, Handler
from simulators.chips.sps30 import text

PM1, PM2_5, PM4, PM10 = Quantity.PM1, Quantity.PM2_5, Quantity.PM4, Quantity.PM10
PARTICLES = (PM1, PM2_5, PM4, PM10)
SCALES: dict[Quantity, tuple[int, bool]] = {  # steps a unit, signed
    **dict.fromkeys(PARTICLES, (10, False)),
    Quantity.HUMIDITY: (100, True), Quantity.TEMPERATURE: (200, True),
    Quantity.VOC_INDEX: (10, True), Quantity.NOX_INDEX: (10, True), Quantity.CO2: (1, False),
}  # fmt: skip
SPANS: Spans = {
    **dict.fromkeys(PARTICLES, (0.0, 1000.0)),
    Quantity.HUMIDITY: (0.0, 100.0), Quantity.TEMPERATURE: (-10.0, 50.0),
    Quantity.VOC_INDEX: (1.0, 500.0), Quantity.NOX_INDEX: (1.0, 500.0),
}  # fmt: skip
RESOLVES: Values = {
    **dict.fromkeys(PARTICLES, 0.1), Quantity.HUMIDITY: 0.01, Quantity.TEMPERATURE: 0.005,
    Quantity.VOC_INDEX: 0.1, Quantity.NOX_INDEX: 0.1,
}  # fmt: skip
RESTS: Values = {
    PM1: 4.0, PM2_5: 6.0, PM4: 7.0, PM10: 8.0, Quantity.HUMIDITY: 60.0, Quantity.TEMPERATURE: 18.0,
    Quantity.VOC_INDEX: 100.0, Quantity.NOX_INDEX: 1.0,
}  # fmt: skip
BOOT_MS, FIRST_US, CLEANING = 50.0, 1_100_000, 1 << 19


def absent(signed: bool) -> int:
    """How a module marks what it has not measured."""
    return 0x7FFF if signed else 0xFFFF


class SENChip(CommandChip):
    """Subclasses say the order of their words and add their own commands."""

    product: str
    order: ClassVar[tuple[Quantity, ...]]
    take_code: ClassVar[int]
    stop_ms: ClassVar[float]
    lacks: frozenset[Quantity] = frozenset()  # what this module has no chip for
    late_us: Mapping[Quantity, int] = {}  # marked absent for so long after the start
    condition = 0  # the status register

    def power_on(self) -> None:
        super().power_on()
        self.settings: dict[int, list[int]] = self.defaults()
        self._started_us: int | None = None
        self._next_us = 0
        self._fresh = False
        self._words = [absent(SCALES[quantity][1]) for quantity in self.order]
        self._ready_us = self.now_us() + int(BOOT_MS * 1_000) if self.now_us() else 0

    def defaults(self) -> dict[int, list[int]]:
        """The registers after power-on."""
        raise NotImplementedError

    def busy(self) -> bool:
        return self.now_us() < self._ready_us

    @property
    def measuring(self) -> bool:
        return self._started_us is not None

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        self._measure_if_due()
        both: dict[int, tuple[float, Handler]] = {
            0x0104: (self.stop_ms, self._stop), 0x0202: (20, lambda: [1 if self._fresh else 0]),
            self.take_code: (20, self._take), 0xD014: (20, lambda: text(self.product, 16)),
            0xD033: (20, lambda: text("LANTAARN", 16)), 0xD206: (20, self._status), 0xD210: (20, self._clear),
            0xD304: (100, self._reset), 0x0021: (50, self._start),
        }  # fmt: skip
        return {**both, **{code: (20, self._register(code)) for code in self.settings}}

    def _register(self, code: int) -> Handler:
        def handle(*values: int) -> Answer:
            if not values:
                return self.settings[code]
            if len(values) != len(self.settings[code]):
                raise Nack(f"the {self.name} wants other arguments")
            self.settings[code] = list(values)
            return None

        return handle

    def _start(self) -> Answer:
        if not self.measuring:
            self._started_us = self.now_us()
            self._next_us, self._fresh = self.now_us() + FIRST_US, False
        return None

    def _stop(self) -> Answer:
        self._started_us, self._fresh = None, False
        self._words = [absent(SCALES[quantity][1]) for quantity in self.order]
        return None

    def _measure_if_due(self) -> None:
        still = self.faults.stuck_busy or self.condition & CLEANING
        if self._started_us is None or self.now_us() < self._next_us or still:
            return
        self._next_us += ((self.now_us() - self._next_us) // MICRO + 1) * MICRO
        since = self.now_us() - self._started_us
        self._words = [self._word(quantity, since) for quantity in self.order]
        self._fresh = True

    def _word(self, quantity: Quantity, since_us: int) -> int:
        per_unit, signed = SCALES[quantity]
        if quantity in self.lacks or since_us < self.late_us.get(quantity, 0):
            return absent(signed)
        return round(self.sense(quantity) * per_unit) & 0xFFFF

    def _take(self) -> Answer:
        self._fresh = False
        return self._words

    def _status(self) -> Answer:
        return [self.condition >> 16, self.condition & 0xFFFF]

    def _clear(self) -> Answer:
        said = self._status()
        return said

    def _reset(self) -> Answer:
        self.power_on()
        return None
