"""A simulated ADS1115: four inputs, single and continuous conversions that take their time.

Every input feels the felt voltage until `inputs` gives it one of its own; a difference of two is what it says. It
converts at the slow end of its tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

RESULT, CONFIG, LOW, HIGH = 0, 1, 2, 3
POWER_ON = (0x0000, 0x8583, 0x8000, 0x7FFF)
START, ONCE = 0x8000, 0x0100
PAIRS = ((0, 1), (0, 3), (1, 3), (2, 3))
FULL_SCALE_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)
RATES = (8, 16, 32, 64, 128, 250, 475, 860)
SLOW, WAKE_US = 1.1, 25


class ADS1115(I2CChip):
    """Voltages at 0x48 to 0x4B."""

    name = "ads1115"
    address = 0x48
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    spans: ClassVar[Spans] = {Quantity.VOLTAGE: (0.0, 4.0)}
    resolves: ClassVar[Values] = {Quantity.VOLTAGE: 4.096 / 32768}
    rests: ClassVar[Values] = {Quantity.VOLTAGE: 1.234}

    def power_on(self) -> None:
        self._registers = list(POWER_ON)
        self._pointer = 0
        self._started_us: int | None = None
        if not hasattr(self, "inputs"):
            self.inputs: dict[int, float] = {}
            self.loaded: int | None = None  # a vector's result, said instead of its own

    def volts(self, which: int) -> float:
        """What one input feels against GND."""
        return self.inputs[which] if which in self.inputs else self.sense(Quantity.VOLTAGE)

    def written(self, data: bytes) -> None:
        self._settle()
        if not data:
            return
        self._pointer = data[0] & 0x03
        if len(data) >= 3:
            self._put(int.from_bytes(data[1:3], "big"))

    def _put(self, value: int) -> None:
        if self._pointer in (LOW, HIGH) and self.faults.wrong_chip_id is None:
            self._registers[self._pointer] = value
        if self._pointer == CONFIG:
            self._registers[CONFIG] = value & ~START
            runs = value & START or not value & ONCE
            self._started_us = self.now_us() if runs else None

    def given(self, count: int) -> bytes:
        self._settle()
        value = self._registers[self._pointer]
        if self._pointer in (LOW, HIGH) and self.faults.wrong_chip_id is not None:
            value = self.faults.wrong_chip_id
        if self._pointer == CONFIG and self._started_us is None:
            value |= START
        if self._pointer == RESULT and self.loaded is not None:
            value = self.loaded
        return (value.to_bytes(2, "big") * count)[:count]

    def _settle(self) -> None:
        if self._started_us is None or self.faults.stuck_busy:
            return
        rate = RATES[self._registers[CONFIG] >> 5 & 0x07]
        if self.now_us() - self._started_us < int(1e6 / rate * SLOW) + WAKE_US:
            return
        self._registers[RESULT] = self._converted() & 0xFFFF
        self._started_us = None if self._registers[CONFIG] & ONCE else self.now_us()

    def _converted(self) -> int:
        mux, gain = self._registers[CONFIG] >> 12 & 0x07, self._registers[CONFIG] >> 9 & 0x07
        if self.faults.saturate:
            return 32767
        felt = self.volts(mux - 4) if mux >= 4 else self.volts(PAIRS[mux][0]) - self.volts(PAIRS[mux][1])
        return max(-32768, min(32767, round(felt / FULL_SCALE_V[gain] * 32768)))

    def general_call(self, data: bytes) -> None:
        if data == b"\x06":
            self.power_on()

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "regs16":
            super().take(name, value, door)
            return
        for register, content in value.items():
            if int(register, 0) != RESULT:
                raise ValueError("only the result of an ADS1115 can be loaded")
            self.loaded = int(content, 16)
