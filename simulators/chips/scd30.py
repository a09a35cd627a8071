"""A simulated SCD30: everything it is told it keeps over a loss of power, that it measures included."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import MICRO, Spans, Values
from simulators.chips.command_chip import Answer, CommandChip, Handler
from simulators.chips.sps30 import text

START_UP_MS, LISTEN_MS, RESET_MS = 2_000.0, 3.0, 2_000.0
REGISTERS = {  # code -> name, lowest, highest, factory
    0x4600: ("interval", 2, 1800, 2), 0x5306: ("self_calibration", 0, 1, 0), 0x5403: ("offset", 0, 0xFFFF, 0),
    0x5102: ("altitude", 0, 0xFFFF, 0), 0x5204: ("reference", 400, 2000, 400),
}  # fmt: skip


class SCD30(CommandChip):
    """Carbon dioxide, temperature and humidity at 0x61."""

    name = "scd30"
    address = 0x61
    addresses = (0x61,)
    spans: ClassVar[Spans] = {
        Quantity.CO2: (1.0, 40_000.0),
        Quantity.TEMPERATURE: (-40.0, 70.0),
        Quantity.HUMIDITY: (0.0, 100.0),
    }
    resolves: ClassVar[Values] = {Quantity.CO2: 0.01, Quantity.TEMPERATURE: 0.001, Quantity.HUMIDITY: 0.001}
    rests: ClassVar[Values] = {Quantity.CO2: 430.0, Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0}
    firmware = 0x0342
    serial = "LANTAARN00000030"
    zeroes = 0  # first measurements after a start that say 0 ppm
    measuring = False  # kept, like the registers
    pressure = 0

    def power_on(self) -> None:
        super().power_on()
        if not hasattr(self, "kept"):
            self.kept = {name: factory for name, _, _, factory in REGISTERS.values()}
            self.writes: list[str] = []  # what was burnt in
        self._ready_us = self.now_us() + int(START_UP_MS * 1_000) if self.now_us() else 0
        self._begin()

    def _begin(self) -> None:
        self._words: list[int] | None = None
        self._left_zero = self.zeroes
        self._next_us = max(self.now_us(), self._ready_us) + self.kept["interval"] * MICRO

    def busy(self) -> bool:
        return self.now_us() < self._ready_us

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        self._measure_if_due()
        registers = {code: (LISTEN_MS, self._register(code)) for code in REGISTERS}
        return {
            **registers, 0x0010: (LISTEN_MS, self._start), 0x0104: (LISTEN_MS, self._stop),
            0x0202: (LISTEN_MS, lambda: [1 if self._words else 0]), 0x0300: (LISTEN_MS, self._take),
            0xD100: (LISTEN_MS, lambda: [self.firmware]), 0xD033: (LISTEN_MS, lambda: text(self.serial, 16)),
            0xD304: (RESET_MS, self._reset),
        }  # fmt: skip

    def _register(self, code: int) -> Handler:
        name, low, high, _ = REGISTERS[code]

        def handle(*value: int) -> Answer:
            if not value:
                return [self.kept[name]]
            if len(value) != 1 or not low <= value[0] <= high:
                raise Nack(f"the scd30 refuses {value} for its {name}")
            self.kept[name] = value[0]
            self.writes.append(name)
            return None

        return handle

    def _start(self, hectopascal: int) -> Answer:
        if hectopascal and not 700 <= hectopascal <= 1400:
            raise Nack(f"the scd30 refuses a pressure of {hectopascal} hPa")
        self.pressure = hectopascal
        self.writes.append("start")
        if not self.measuring:
            self.measuring = True
            self._begin()
        return None

    def _stop(self) -> Answer:
        self.measuring, self._words = False, None
        return None

    def _measure_if_due(self) -> None:
        if not self.measuring or self.now_us() < self._next_us or self.faults.stuck_busy:
            return
        period = self.kept["interval"] * MICRO
        passed = (self.now_us() - self._next_us) // period + 1
        self._next_us += passed * period
        felt = [self.sense(quantity) for quantity in self.resolves]
        if self._left_zero:
            self._left_zero -= 1
            felt[0] = 0.0
        self._words = list(struct.unpack(">6H", struct.pack(">3f", *felt)))

    def _take(self) -> Answer:
        words, self._words = self._words, None
        return words

    def _reset(self) -> Answer:
        self.power_on()
        return None
