"""What the chips of the matrix feel and when: three climates, one after the other, remembered for the judge.

The fault begins when the first climate gives way to the second, and ends when the third comes; so whoever goes on
saying what he said before is found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.reading import Quantity, Reading
from simulators.chips.chip import Chip
from simulators.chips.lines_chip import LinesChip

SHARES = (0.31, 0.47, 0.39)  # of its span, for each climate
APART = 0.017  # quantities stand at places of their own
PASSAGE_US = 2_000_000
WINDOW_US = 10_000_000


@dataclass(slots=True)
class Climate:
    """What was felt from an instant on."""

    from_us: int
    feels: dict[Quantity, float]


BREATH = 0.02  # of what is usual, from one climate to the next


@dataclass(slots=True)
class History:
    """All climates of one chip, and who passed by it when."""

    chip: Chip
    twin: Chip | None = None  # lives the same, and nothing befalls it
    climates: list[Climate] = field(default_factory=list)
    passages_us: list[int] = field(default_factory=list)
    counts: bool = False  # who passes by is let pass, because somebody counts them
    _planned_us: int = 0

    def turn(self, number: int, now_us: int) -> None:
        """Let another climate come; where somebody counts, only a breath of it, lest it be taken for who passes."""
        share = SHARES[number % len(SHARES)]
        if breath := self.counts and not isinstance(self.chip, LinesChip):
            for chip in self._both():
                chip.feels.update({quantity: rest * (1 + BREATH * number) for quantity, rest in chip.rests.items()})
        spans = {} if breath else self.chip.spans
        for which, (quantity, (low, high)) in enumerate(spans.items()):
            place = share + APART * which
            for chip in self._both():
                chip.feels[quantity] = low + (high - low) * (place - int(place))
        self.climates.append(Climate(now_us, dict(self.chip.feels)))

    def live(self, now_us: int, until_us: int) -> None:
        """Let pass by, or happen at the lines, what falls between these instants: a whole window at a time."""
        self._planned_us = max(self._planned_us, now_us)
        while self._planned_us < until_us and (self.counts or isinstance(self.chip, LinesChip)):
            self._live(self._planned_us, self._planned_us + WINDOW_US)
            self._planned_us += WINDOW_US

    def _live(self, from_us: int, to_us: int) -> None:
        for chip in self._both():
            if isinstance(chip, LinesChip) and chip.spans:
                chip.live(from_us, to_us)
                continue
            for at_us in range(from_us + PASSAGE_US // 2, to_us, PASSAGE_US):
                chip.passes(at_us, "in")  # type: ignore[attr-defined]
        if not (isinstance(self.chip, LinesChip) and self.chip.spans):
            self.passages_us += range(from_us + PASSAGE_US // 2, to_us, PASSAGE_US)

    def _both(self) -> list[Chip]:
        return [self.chip] if self.twin is None else [self.chip, self.twin]

    def passed(self, from_us: int, to_us: int) -> int:
        """How many passed by between these instants."""
        return sum(from_us <= at_us < to_us for at_us in self.passages_us)

    def true(self, reading: Reading, from_us: int, to_us: int) -> bool:
        """Whether the world was so at some moment between these instants."""
        allowed = self.chip.resolves[reading.quantity] * 1.01 + 1e-9
        ends = [climate.from_us for climate in self.climates[1:]] + [to_us + 1]
        return any(
            abs(climate.feels[reading.quantity] - reading.value) <= allowed
            for climate, end_us in zip(self.climates, ends, strict=True)
            if climate.from_us <= to_us and end_us > from_us
        )


def told(readings: tuple[Reading, ...]) -> Mapping[Quantity, Reading]:
    """The first reading of each quantity: further channels are made of other things."""
    found: dict[Quantity, Reading] = {}
    for reading in readings:
        found.setdefault(reading.quantity, reading)
    return found
