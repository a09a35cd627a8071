"""A simulated AMG8833: eight by eight pixels over a floor, ten frames a second, and warm people who walk below.

What it feels is the warmth of the floor and of itself. Who passes is a round warm spot that moves over the rows, from
the low ones to the high ones (in) or back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

POWER, RESET, PACE, STATUS, THERMISTOR, PIXELS = 0x00, 0x01, 0x02, 0x04, 0x0E, 0x80
READ_ONLY = {RESET, STATUS, *range(THERMISTOR, THERMISTOR + 2), *range(PIXELS, 0x100)}
WAKE_US = 50_000
WARMER, RADIUS, ROWS_A_SECOND = 8.0, 1.6, 8.0  # °C, pixels
PATH = 8 + 2 * RADIUS + 2  # rows from out of sight to out of sight


class AMG8833(I2CChip):
    """Temperature at 0x69 or 0x68; `true_count` is who really passed, by direction."""

    name = "amg8833"
    hides_busy = True
    address = 0x69
    addresses = (0x68, 0x69)
    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (0.25, 80.0)}  # a frame of zeros is no frame
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 0.125}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0}
    untold = frozenset({Quantity.COUNT, Quantity.COUNT_TOTAL})
    true_count: dict[str, int]

    def power_on(self) -> None:
        if not hasattr(self, "loaded"):
            self.loaded: dict[int, int] = {}  # a vector's registers, said instead of the chip's own
            self.true_count = {"in": 0, "out": 0}
            self._walks: list[tuple[int, str, float]] = []
        self._held = bytearray(256)
        self._pointer = 0
        self._began_us = self.now_us() + WAKE_US
        self._frame_us: int | None = None

    def passes(self, at_us: int, direction: str = "in", column: float = 3.5) -> None:
        """Somebody walks below. Raises KeyError for another direction than in and out."""
        self.true_count[direction] += 1
        self._walks.append((at_us, direction, column))

    def written(self, data: bytes) -> None:
        self._settle()
        if data:
            self._pointer = data[0]
        for at, value in enumerate(data[1:], self._pointer):
            self._put(at & 0xFF, value)

    def _put(self, register: int, value: int) -> None:
        if register == RESET and value == 0x3F:
            power = self._held[POWER]
            self.power_on()
            self._held[POWER] = power
        elif register == POWER:
            if value != self._held[POWER] and value == 0:
                self._began_us = self.now_us() + WAKE_US
            self._held[POWER] = value
        elif register not in READ_ONLY:
            self._held[register] = value

    def given(self, count: int) -> bytes:
        self._settle()
        pointed = [(self._pointer + at) & 0xFF for at in range(count)]
        answer = bytes([self._get(register) for register in pointed])
        self._pointer = (self._pointer + count) & 0xFF
        return answer

    def _get(self, register: int) -> int:
        if register == POWER and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id
        return self.loaded.get(register, self._held[register])

    def _settle(self) -> None:
        """Take the frame that is due, unless the chip sleeps or hangs."""
        lap_us = 1_000_000 if self._held[PACE] & 1 else 100_000
        since_us = self._began_us if self._frame_us is None else self._frame_us
        laps = (self.now_us() - since_us) // lap_us
        if laps < 1 or self._held[POWER] or self.faults.stuck_busy:
            return
        self._frame_us = since_us + laps * lap_us
        floor = self.sense(Quantity.TEMPERATURE)
        sixteenths = round(abs(floor) * 16) | (0x800 if floor < 0 else 0)
        self._held[THERMISTOR : THERMISTOR + 2] = sixteenths.to_bytes(2, "little")
        self._walks = [walk for walk in self._walks if self._gone(walk[0]) <= PATH]
        somebody = any(self._gone(walk[0]) >= 0 for walk in self._walks)
        for at in range(64):
            warmth = self._warmth(at // 8, at % 8) if somebody else 0.0
            quarters = round((floor + warmth) * 4) & 0xFFF
            self._held[PIXELS + 2 * at : PIXELS + 2 * at + 2] = quarters.to_bytes(2, "little")

    def _gone(self, began_us: int) -> float:
        """How many rows who began then has gone by this frame."""
        return ((self._frame_us or 0) - began_us) / 1e6 * ROWS_A_SECOND

    def _warmth(self, row: int, column: int) -> float:
        """How much warmer a pixel is for those who are below it now."""
        warmth = 0.0
        if self.faults.freeze or self.faults.saturate:
            return warmth
        for began_us, way, at_column in self._walks:
            gone = self._gone(began_us)
            if 0 <= gone <= PATH:
                centre = gone - RADIUS - 1 if way == "in" else 8 + RADIUS - gone
                apart = ((row - centre) ** 2 + (column - at_column) ** 2) ** 0.5
                warmth = max(warmth, WARMER * min(1.0, max(0.0, RADIUS + 0.5 - apart)))
        return warmth

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "regs":
            return super().take(name, value, door)
        for first, content in value.items():
            for at, byte in enumerate(bytes.fromhex(content), int(first, 0)):
                self.loaded[at & 0xFF] = byte
        return None
