"""What the simulated INA chips have in common: measurements that take their time, once or for ever.

The mode in the lowest three bits of the configuration says which: 0 and 4 sleep, 1 to 3 measure once when they are
written, 5 to 7 go on. Each quantity is felt for itself: a street that wants power to be voltage times current has
to feel it so. The current and power registers hang on the calibration that was written, and are zero without one.
"""

from __future__ import annotations

from simulators.chips.word_chip import WordChip

CONFIG = 0x00
RESET = 0x8000


class INAChip(WordChip):
    """Subclasses say how long a measurement takes and what it leaves."""


    def power_on(self) -> None:
        super().power_on()
        self.ready = self.overflow = False
        self._started_us: int | None = self.now_us()

    def put(self, register: int, word: int) -> None:
        if register != CONFIG:
            return super().put(register, word)
        if word & RESET:
            return self.power_on()
        self.words[CONFIG] = word
        self.ready = False
        self._started_us = None if word & 0x3 == 0 else self.now_us()
        return None

    def get(self, register: int) -> int:
        self._settle()
        return super().get(register)

    def _settle(self) -> None:
        if self._started_us is None or self.faults.stuck_busy:
            return
        laps = (self.now_us() - self._started_us) // self.conversion_us()
        if laps < 1:
            return
        self.measure()
        self.ready = True
        self._started_us = self._started_us + laps * self.conversion_us() if self.words[CONFIG] & 0x4 else None

    def conversion_us(self) -> int:
        """How long one measurement takes with this configuration."""
        raise NotImplementedError

    def measure(self) -> None:
        """Leave what is felt in the registers, and say whether it overflowed."""
        raise NotImplementedError
