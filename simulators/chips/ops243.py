"""A simulated OPS243-A: says nothing while the road is empty, and forgets what it was told when it loses its power.

A speed that is felt is in the beam as long as it is felt (negative: going away); who `passes` is in it for a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import ClassVar

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.spoken_chip import SpokenChip

PER_KMH = {"mps": 1 / 3.6, "kmph": 1.0, "mph": 1 / 1.609344, "fps": 1 / 1.09728, "cmps": 1 / 0.036}
UNITS = {"UM": "mps", "UK": "kmph", "US": "mph", "UF": "fps", "UC": "cmps"}
SWITCHES = {"OJ": ("shaped", True), "Oj": ("shaped", False), "OU": ("named", True), "Ou": ("named", False),
            "BZ": ("zeros", True), "BV": ("zeros", False)}  # fmt: skip
PASSES_US = 1_000_000
ZERO_US = 500_000  # a zero so often while the road is empty, if it was told so


class OPS243(SpokenChip):
    """The speed of what is in the beam, km/h; told in the unit and shape that it was told to use."""

    name = "ops243"
    line = SerialLine(19200)
    spans: ClassVar[Spans] = {Quantity.VEHICLE_SPEED: (0.0, 200.0)}
    resolves: ClassVar[Values] = {Quantity.VEHICLE_SPEED: 0.1}
    rests: ClassVar[Values] = {Quantity.VEHICLE_SPEED: 0.0}
    untold = frozenset({Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.VEHICLE_SPEED})  # only by the window
    frame_us = 100_000

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self._passing: list[tuple[int, float]] = []
        self.true_count = {"in": 0, "out": 0}
        super().__init__(now_us, noise)

    def power_on(self) -> None:
        super().power_on()
        self.unit, self.shaped, self.named, self.zeros = "mps", False, False, False

    def passes(self, at_us: int, direction: str = "in", kmh: float = 42.0) -> None:
        """A vehicle is in the beam for a second from this time on."""
        self._passing.append((at_us, kmh if direction == "in" else -kmh))
        self.true_count[direction] += 1

    def speeds(self) -> list[float]:
        """What is in the beam now, km/h; positive comes nearer."""
        self._passing = [(at, kmh) for at, kmh in self._passing if self.now_us() - at < PASSES_US]
        felt = self.sense(Quantity.VEHICLE_SPEED)
        return [kmh for at, kmh in self._passing if at <= self.now_us()] + [felt] * (abs(felt) >= 0.5)

    def talks(self) -> bool:
        return bool(self.speeds() or (self.zeros and self.now_us() % ZERO_US < self.frame_us)) and not (
            self.faults.stuck_busy
        )

    def frame_due(self) -> tuple[bytes, int | None]:
        speeds = self.speeds()
        line, wait_us = super().frame_due()
        if line and not self.faults.freeze:
            line = b"".join(self._report(speed) for speed in speeds or [0.0])
        return line, wait_us

    def spoken(self) -> bytes:
        """A report as it comes once the radar is set up, behind the end of the line before it."""
        before = self.unit, self.shaped, self.named
        self.unit, self.shaped, self.named = "kmph", True, True
        said = b"\r\n" + self._report(next(iter(self.speeds()), 42.0))
        self.unit, self.shaped, self.named = before
        return said

    def _report(self, kmh: float) -> bytes:
        speed = f"{kmh * PER_KMH[self.unit] + 0.1 * (self.turns % 3) * bool(kmh):.1f}"
        if self.shaped:
            line = json.dumps({"unit": self.unit, "speed": speed} if self.named else {"speed": speed})
        else:
            line = f'"{self.unit}",{speed}' if self.named else speed
        return line.encode() + b"\r\n"

    def hear(self, data: bytes) -> None:
        self._heard += data
        while len(self._heard) >= 2:
            command = bytes(self._heard[:2]).decode("ascii", "replace")
            del self._heard[:2]
            if command in UNITS:
                self.unit = UNITS[command]
            elif command in SWITCHES:
                setattr(self, *SWITCHES[command])
            self.utter(json.dumps({"Output": command}).encode() + b"\r\n")
