"""A simulated VEML7700: gain, integration time, and a count that Vishay's polynomial makes straight again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.bosch import nearest
from simulators.chips.chip import Spans, Values
from simulators.chips.word_chip import WordChip

CONFIG, ALS, WHITE, STATUS, ID = 0x00, 0x04, 0x05, 0x06, 0x07
GAINS = (1.0, 2.0, 0.125, 0.25)
TIMES_MS = {0xC: 25, 0x8: 50, 0x0: 100, 0x1: 200, 0x2: 400, 0x3: 800}
WAKE_US = 2_500


class VEML7700(WordChip):
    """Illuminance at 0x10."""

    name = "veml7700"
    address = 0x10
    addresses = (0x10,)
    order = "little"
    door = "regs16le"
    defaults: ClassVar[Mapping[int, int]] = {CONFIG: 0x0001, ID: 0xC481}
    writable = (CONFIG, 0x01, 0x02, 0x03)
    spans: ClassVar[Spans] = {Quantity.ILLUMINANCE: (0.0, 100_000.0)}
    resolves: ClassVar[Values] = {Quantity.ILLUMINANCE: 4.6}  # at its brightest; 0.02 in the dark
    rests: ClassVar[Values] = {Quantity.ILLUMINANCE: 120.0}

    def power_on(self) -> None:
        super().power_on()
        self._began_us = self.now_us()

    def put(self, register: int, word: int) -> None:
        if register == CONFIG and word != self.words[CONFIG]:
            self._began_us = self.now_us() + WAKE_US
        super().put(register, word)

    def get(self, register: int) -> int:
        if self.faults.stuck_busy:
            raise Nack("the veml7700 hangs in a measurement")
        self._settle()
        return super().get(register)

    def _settle(self) -> None:
        config = self.words[CONFIG]
        time_ms = TIMES_MS.get(config >> 6 & 0xF, 100)
        if config & 1 or self.now_us() - self._began_us < time_ms * 1_000:
            return
        self._began_us = self.now_us() - (self.now_us() - self._began_us) % (time_ms * 1_000)
        step = 0.0042 * 800 / time_ms * 2 / GAINS[config >> 11 & 0x3]
        lux = self.sense(Quantity.ILLUMINANCE)
        self.words[ALS] = 0xFFFF if self.faults.saturate else nearest(lux, 0, 0xFFFF, lambda count: bent(count * step))
        self.words[WHITE] = self.words[ALS]


def bent(lux: float) -> float:
    """What the light is when the straight count says so much: the application note's polynomial."""
    return 6.0135e-13 * lux**4 - 9.3924e-9 * lux**3 + 8.1488e-5 * lux**2 + 1.0023 * lux
