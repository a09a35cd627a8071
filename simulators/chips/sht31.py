"""A simulated SHT31: single shots, periodic measurement, status, heater, serial number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.command_chip import Answer, CommandChip, Handler

SINGLE_MS = {0x2400: 15.5, 0x240B: 6.5, 0x2416: 4.5}
STRETCHED = (0x2C06, 0x2C0D, 0x2C10)  # the bus waits for the chip: no time passes for the master
PERIODIC_MS = {
    **dict.fromkeys((0x2032, 0x2024, 0x202F), 2000), **dict.fromkeys((0x2130, 0x2126, 0x212D), 1000),
    **dict.fromkeys((0x2236, 0x2220, 0x222B), 500), **dict.fromkeys((0x2334, 0x2322, 0x2329), 250),
    **dict.fromkeys((0x2737, 0x2721, 0x273A), 100), 0x2B32: 250,
}  # fmt: skip
POWER_ON_STATUS, HEATER, COMMAND_FAILED = 0x8010, 0x2000, 0x0002


def temperature_ticks(celsius: float) -> int:
    """The word of SHT3x and SCD4x for a temperature in °C."""
    return max(0, min(0xFFFF, round((celsius + 45.0) / 175.0 * 65535.0)))


def humidity_ticks(percent: float) -> int:
    """The word of SHT3x and SCD4x for a relative humidity in %."""
    return max(0, min(0xFFFF, round(percent / 100.0 * 65535.0)))


class SHT31(CommandChip):
    """Temperature and humidity at 0x44 or 0x45."""

    name = "sht31"
    address = 0x44
    addresses = (0x44, 0x45)
    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (-40.0, 125.0), Quantity.HUMIDITY: (0.0, 100.0)}
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 175 / 65535, Quantity.HUMIDITY: 100 / 65535}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0}
    serial = (0x1234, 0xABCD)

    def power_on(self) -> None:
        super().power_on()
        self.status = POWER_ON_STATUS
        self._period_us = 0
        self._fresh_from_us = 0

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        always: dict[int, tuple[float, Handler]] = {
            0x3093: (1, self._stop), 0x30A2: (1.5, self._reset), 0xF32D: (0, lambda: [self.status]),
            0x3041: (0, self._clear), 0x306D: (0, lambda: self._heat(True)), 0x3066: (0, lambda: self._heat(False)),
        }  # fmt: skip
        if self._period_us:
            return {**always, 0xE000: (0, self._fetch)}
        once = {code: (ms, self._measured) for code, ms in SINGLE_MS.items()}
        stretched = dict.fromkeys(STRETCHED, (0.0, self._measured))
        periodic = {code: (0.0, self._starter(ms)) for code, ms in PERIODIC_MS.items()}
        number: tuple[float, Handler] = (0.5, lambda: self.serial)
        return {**always, **once, **stretched, **periodic, 0x3682: number, 0x3780: number}

    def general_call(self, data: bytes) -> None:
        if data == b"\x06":
            self.power_on()

    def _measured(self) -> Answer:
        felt = self.sense(Quantity.TEMPERATURE), self.sense(Quantity.HUMIDITY)
        return [temperature_ticks(felt[0]), humidity_ticks(felt[1])]

    def _starter(self, period_ms: int) -> Handler:
        def start() -> Answer:
            self._period_us = period_ms * 1_000
            self._fresh_from_us = self.now_us() + 15_500
            return None

        return start

    def _fetch(self) -> Answer:
        """None since the last fetch: the read header is not acknowledged."""
        if self.now_us() < self._fresh_from_us:
            return None
        self._fresh_from_us = self.now_us() + self._period_us
        return self._measured()

    def _stop(self) -> Answer:
        self._period_us = 0
        return None

    def _reset(self) -> Answer:
        self.power_on()
        return None

    def _clear(self) -> Answer:
        self.status &= HEATER
        return None

    def _heat(self, on: bool) -> Answer:
        self.status = self.status | HEATER if on else self.status & ~HEATER
        return None

    def written(self, data: bytes) -> None:
        try:
            super().written(data)
        except Nack:
            self.status |= COMMAND_FAILED
            raise
