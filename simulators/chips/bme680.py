"""A simulated BME680, or with `variant` 1 a BME688: forced cycles with a heater, and a gas word with a range.

The sixteen ranges overlap; of all words the one whose resistance comes nearest is taken. The heater is stable when it
is on, is told to be hot, and has had its 20 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.bme680 import HIGH, LOW, SKIPPED_HUMIDITY, Calibration
from drivers.reading import Quantity
from simulators.chips.bosch import BoschChip, nearest, times, word
from simulators.chips.chip import Spans, Values

VARIANT, FIELD, RES_HEAT, GAS_WAIT = 0xF0, 0x1D, 0x5A, 0x64
CTRL_GAS_0, CTRL_GAS_1, CTRL_HUM, CTRL_MEAS, CONFIG = 0x70, 0x71, 0x72, 0x74, 0x75
NEW_DATA, GAS_MEASURING, MEASURING, GAS_VALID, HEATER_STABLE = 0x80, 0x40, 0x20, 0x20, 0x10
RUNS_GAS = {LOW: 1, HIGH: 2}
STEADY_MS = 20
UNMEASURED = bytes.fromhex("00008000008000008000000000000000") + b"\x00"
BURNT = {
    0x8A: bytes.fromhex("97670300c78d32d758007a1bb9ff211e0000c9f7aaf31e"),
    0xE1: bytes.fromhex("3f452f002d14789c4a6609d0e212"),
    0x00: bytes.fromhex("3000100010"),
}


class BME680(BoschChip):
    """Temperature, humidity, pressure and gas resistance at 0x76 or 0x77."""

    name = "bme680"
    factory_id = 0x61
    spans: ClassVar[Spans] = {
        Quantity.TEMPERATURE: (-40.0, 85.0),
        Quantity.HUMIDITY: (0.0, 100.0),
        Quantity.PRESSURE: (30_000.0, 110_000.0),
        Quantity.GAS_RESISTANCE: (500.0, 500_000.0),
    }
    resolves: ClassVar[Values] = {
        Quantity.TEMPERATURE: 0.006,
        Quantity.HUMIDITY: 0.01,
        Quantity.PRESSURE: 2.8,
        Quantity.GAS_RESISTANCE: 400.0,
    }
    rests: ClassVar[Values] = {
        Quantity.TEMPERATURE: 18.0,
        Quantity.HUMIDITY: 60.0,
        Quantity.PRESSURE: 101_325.0,
        Quantity.GAS_RESISTANCE: 80_000.0,
    }
    writable = frozenset({*range(0x50, 0x6F), CTRL_GAS_0, CTRL_GAS_1, CTRL_HUM, CTRL_MEAS, CONFIG})
    variant = LOW

    def calibrated(self) -> Mapping[int, bytes]:
        return BURNT

    @property
    def calibration(self) -> Calibration:
        return Calibration.decode(self.burnt[0x8A], self.burnt[0xE1], self.burnt[0x00])

    def power_on(self) -> None:
        super().power_on()
        self._registers[FIELD : FIELD + 17] = UNMEASURED

    def put(self, register: int, value: int) -> None:
        if register == CTRL_MEAS:
            self._started_us = self.now_us() if value & 0x03 == 1 else None
            self._registers[FIELD] &= ~NEW_DATA & 0xFF

    def get(self, register: int) -> int:
        if register == VARIANT:
            return self.variant
        if register == FIELD and self._started_us is not None:
            spent = self.now_us() - self._started_us
            return GAS_MEASURING | (MEASURING if spent < self._tph_us() else 0)
        return super().get(register)

    def _heats(self) -> bool:
        runs = self._registers[CTRL_GAS_1] >> 4 & 0x03 == RUNS_GAS[self.variant]
        return runs and not self._registers[CTRL_GAS_0] & 0x08

    def _heating_ms(self) -> int:
        """Of the profile that is chosen: the cycle takes it, whether it grows hot or not."""
        wait = self._registers[GAS_WAIT + self._profile()]
        return (wait & 0x3F) * 4 ** (wait >> 6) if self._heats() else 0

    def _profile(self) -> int:
        return min(9, self._registers[CTRL_GAS_1] & 0x0F)

    def _sampling(self) -> tuple[int, int, int]:
        meas = self._registers[CTRL_MEAS]
        return times(meas >> 5), times(meas >> 2 & 0x07), times(self._registers[CTRL_HUM] & 0x07)

    def _tph_us(self) -> int:
        return 1963 * sum(self._sampling()) + 477 * 4 + 477 * 5

    def settle(self) -> None:
        if self._started_us is None or self.faults.stuck_busy:
            return
        if self.now_us() - self._started_us >= self._tph_us() + self._heating_ms() * 1_000:
            self._registers[CTRL_MEAS] &= 0xFC
            self._started_us = None
            self._measure()

    def _measure(self) -> None:
        often_t, often_p, often_h = self._sampling()
        trim, hot = self.calibration, self.faults.saturate
        t = word(often_t, self.sense(Quantity.TEMPERATURE), lambda ticks: trim.fine(ticks) / 5120.0)
        t = 0xFFFF0 if hot and often_t else t
        fine = trim.fine(t)
        p = word(often_p, self.sense(Quantity.PRESSURE), lambda ticks: trim.pascal(ticks, fine))
        p = 0x00010 if hot and often_p else p
        h = nearest(self.sense(Quantity.HUMIDITY), 1, 0xFFFF, lambda ticks: trim.percent(ticks, fine / 5120.0))
        h = (h + (h == SKIPPED_HUMIDITY)) if often_h else SKIPPED_HUMIDITY
        climate = (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big") + h.to_bytes(2, "big")
        index = self._profile() if self._heats() else 0
        self._registers[FIELD : FIELD + 17] = bytes([NEW_DATA | index, 0]) + climate + bytes(3) + self._gas(trim)

    def _gas(self, trim: Calibration) -> bytes:
        """Four bytes, of which a BME680 fills the first two and a BME688 the last two."""
        if not self._heats():
            return bytes(4)
        flags = GAS_VALID
        if self._heating_ms() >= STEADY_MS and self._registers[RES_HEAT + self._profile()]:
            flags |= HEATER_STABLE
        ticks, gas_range = self._gas_word(trim)
        said = bytes([ticks >> 2, (ticks & 0x03) << 6 | flags | gas_range])
        return bytes(2) + said if self.variant == HIGH else said + bytes(2)

    def _gas_word(self, trim: Calibration) -> tuple[int, int]:
        felt = self.sense(Quantity.GAS_RESISTANCE)

        def ohms(ticks: int, gas_range: int) -> float:
            return trim.ohms(self.variant, ticks, gas_range)

        words = [(nearest(felt, 0, 1023, lambda ticks, r=r: ohms(ticks, r)), r) for r in range(16)]  # type: ignore[misc]
        return min(words, key=lambda one: abs(ohms(*one) - felt))

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name == "variant_id":
            self.hold(VARIANT, bytes.fromhex(value))
        else:
            super().take(name, value, door)
