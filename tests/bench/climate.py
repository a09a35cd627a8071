"""What each sensor of the virtual pole feels, and who passes it: a function of seed, name and time, so nothing is kept.

Every quantity of every sensor swings around a place of its own within the chip's span, so that a value that turns up in
another's column, or a minute late, is found out. What is felt changes in steps, between the instants of the timetable.
Who passes does so once in a slot or not at all, and never near the end of a window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from drivers.reading import Quantity
from simulators.chance import unit
from simulators.chips.chip import Chip

STEP_MS, OFFSET_MS = 10_000, 5_000
MIDDLE, SWING, APART = 0.39, 0.05, 0.017  # shares of the span
CALM = {Quantity.WIND_SPEED: 0.1, Quantity.RAIN: 0.1}  # of that: a gale all day is no weather
SLOT_MS = 5_000  # all windows are whole multiples of it
PASSES = 0.3  # how many of the slots somebody passes in


@dataclass(frozen=True, slots=True)
class Climate:
    """Around one sensor."""

    seed: int
    name: str

    def share(self, which: int, step: int) -> float:
        """Where in the span of the chip's quantity of this number it stands."""
        period = 230 + 90 * unit(self.seed, self.name, which, "period")  # steps: some 45 minutes
        phase = unit(self.seed, self.name, which, "phase")
        place = MIDDLE + 0.08 * (unit(self.seed, self.name, which, "place") - 0.5)
        return place + APART * which % 0.1 + SWING * math.sin(math.tau * (step / period + phase))

    def felt(self, chip: Chip, at_ms: int) -> dict[Quantity, float]:
        """What it is like at this moment."""
        step = (at_ms - OFFSET_MS) // STEP_MS
        return {
            quantity: low + (high - low) * self.share(which, step) * CALM.get(quantity, 1.0)
            for which, (quantity, (low, high)) in enumerate(chip.spans.items())
        }

    def between(self, chip: Chip, quantity: Quantity, from_ms: int, to_ms: int) -> tuple[float, float]:
        """The lowest and the highest that was felt between these moments, both included."""
        values = [self.felt(chip, at_ms)[quantity] for at_ms in (*range(from_ms, to_ms, STEP_MS), to_ms)]
        return min(values), max(values)

    def passages(self, from_ms: int, to_ms: int) -> Iterator[tuple[int, str]]:
        """Who passes between these moments, which begin and end a slot: when, and which way."""
        for slot in range(from_ms // SLOT_MS, to_ms // SLOT_MS):
            if unit(self.seed, self.name, slot, "comes") < PASSES:
                way = "in" if unit(self.seed, self.name, slot, "way") < 0.6 else "out"
                yield slot * SLOT_MS + 1_000 + int(500 * unit(self.seed, self.name, slot, "when")), way
