"""A simulated VL53L1X: a row of 16-bit addressed registers, a lens of 16 columns, and people who walk under it.

What it feels is the distance to the floor, a wall or a car. Who passes is nearer, and moves over the columns of the
lens from the low ones to the high ones (in) or back: a region of interest sees them while they are above its columns.
Measurements take the time that the timeout registers give; one that is asked for too early is not ready.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

POLARITY, STATE, PHASE_TIMEOUT, TIMEOUT_A, ROI_CENTRE, ROI_SIZE = 0x30, 0x31, 0x4B, 0x5E, 0x7F, 0x80
CLEAR, MODE, STATUS, DISTANCE, BOOTED, MODEL = 0x86, 0x87, 0x89, 0x96, 0xE5, 0x10F
SIZE = 0x200
MS = {  # of timeout A, which differs for all of them
    0x1E: 20, 0x60: 33, 0xAD: 50, 0x1CC: 100, 0x2D9: 200, 0x48F: 500,
    0x1D: 15, 0x51: 20, 0xD6: 33, 0x1AE: 50, 0x2E1: 100, 0x3E1: 200, 0x591: 500,
}  # fmt: skip
SHORT_M = 1.3  # what a short range reaches, whose phase timeout is 14
OK, TOO_WEAK = 0x09, 0x04
HEAD_M, WIDTH, COLUMNS_A_SECOND = 0.6, 8.0, 50.0  # how near a head is, how wide in columns, how fast
WALK_US = int((16 + WIDTH) / COLUMNS_A_SECOND * 1e6)
BOOT_US = 1_200


class VL53L1X(I2CChip):
    """Distance at 0x29; `true_count` is who really passed, by direction."""

    name = "vl53l1x"
    address = 0x29
    addresses = (0x29,)
    spans: ClassVar[Spans] = {Quantity.DISTANCE: (0.04, 4.0)}
    resolves: ClassVar[Values] = {Quantity.DISTANCE: 0.001}
    rests: ClassVar[Values] = {Quantity.DISTANCE: 2.4}
    true_count: dict[str, int]

    def power_on(self) -> None:
        if not hasattr(self, "loaded"):
            self.loaded: dict[int, int] = {}  # a vector's registers, said instead of the chip's own
            self.true_count = {"in": 0, "out": 0}
            self._walks: list[tuple[int, str]] = []
        self._held = bytearray(SIZE)
        self._held[POLARITY] = 0x11
        self._held[ROI_CENTRE], self._held[ROI_SIZE] = 199, 0xFF
        self._held[MODEL : MODEL + 3] = b"\xea\xcc\x10"
        self._pointer = 0
        self._boots_us = self.now_us() + BOOT_US
        self._started_us: int | None = None
        self._ready = False

    def passes(self, at_us: int, direction: str = "in") -> None:
        """Somebody walks under the lens. Raises KeyError for another direction than in and out."""
        self.true_count[direction] += 1
        self._walks.append((at_us, direction))

    def _seen_m(self, at_us: int) -> float:
        """How far the nearest thing is within the region of interest."""
        if self.faults.saturate or self.faults.freeze:
            return self.sense(Quantity.DISTANCE)
        low, high = self._columns()
        self._walks = [walk for walk in self._walks if walk[0] + WALK_US > at_us - 1_000_000]
        for began_us, way in self._walks:
            front = (at_us - began_us) / 1e6 * COLUMNS_A_SECOND
            left, right = (front - WIDTH, front) if way == "in" else (16 - front, 16 - front + WIDTH)
            if front > 0 and right > low and left < high:
                return min(HEAD_M, self.sense(Quantity.DISTANCE))
        return self.sense(Quantity.DISTANCE)

    def _columns(self) -> tuple[float, float]:
        """The columns of the lens that the region of interest covers."""
        centre, width = self._held[ROI_CENTRE], (self._held[ROI_SIZE] & 0x0F) + 1
        column = (centre - 128) // 8 if centre >= 128 else 15 - centre // 8
        return column - width / 2, column + width / 2

    def written(self, data: bytes) -> None:
        self._settle()
        self._pointer = int.from_bytes(data[:2], "big") % SIZE
        for at, value in enumerate(data[2:], self._pointer):
            self._put(at % SIZE, value)

    def _put(self, register: int, value: int) -> None:
        if register in (STATE, BOOTED) or MODEL <= register < MODEL + 3:
            return
        self._held[register] = value
        if register == CLEAR and value & 1:
            self._ready = False
        if register == MODE:
            self._started_us = self.now_us() if value & 0x40 else None

    def given(self, count: int) -> bytes:
        self._settle()
        answer = bytes(self._get((self._pointer + at) % SIZE) for at in range(count))
        self._pointer = (self._pointer + count) % SIZE
        return answer

    def _get(self, register: int) -> int:
        if register in self.loaded:
            return self.loaded[register]
        if register == MODEL and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id
        if register == BOOTED:
            return int(self.now_us() >= self._boots_us)
        if register == STATE:
            low_means_ready = self._held[POLARITY] >> 4 & 1
            return self._held[STATE] & 0xFE | int(self._ready) ^ low_means_ready
        return self._held[register]

    def budget_us(self) -> int:
        """How long a measurement takes with the timeouts that were written."""
        return MS.get(int.from_bytes(self._held[TIMEOUT_A : TIMEOUT_A + 2], "big"), 33) * 1_000

    def _settle(self) -> None:
        """Finish the measurement that is due; the next one follows by itself."""
        if self._started_us is None or self.faults.stuck_busy:
            return
        ends_us = self._started_us + self.budget_us()
        if self.now_us() < ends_us:
            return
        self._started_us = max(ends_us, self.now_us() - self.budget_us())
        seen_m = self._seen_m(self.now_us())
        weak = self._held[PHASE_TIMEOUT] == 0x14 and seen_m > SHORT_M
        self._held[STATUS] = TOO_WEAK if weak else OK
        self._held[DISTANCE : DISTANCE + 2] = round(seen_m * 1_000).to_bytes(2, "big")
        self._ready = True

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "regs16addr":
            return super().take(name, value, door)
        for first, content in value.items():
            for at, byte in enumerate(bytes.fromhex(content), int(first, 0)):
                self.loaded[at % SIZE] = byte
        return None
