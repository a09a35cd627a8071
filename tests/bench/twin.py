"""The truth of a sensor on lines: a second chip that lives the same and nothing befalls, and a driver of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.lines import LinesDriver
from simulators.chips.lines_chip import LinesChip


@dataclass(slots=True)
class Twin:
    """What a driver would say that is told every edge of a sensor on lines which nothing befalls."""

    chip: LinesChip
    driver: LinesDriver
    truth: dict[int, dict[str, float]] = field(default_factory=dict)

    def begin(self, at_us: int) -> None:
        """From now on it is told everything."""
        levels = dict.fromkeys(self.driver.lines, 0)
        levels |= {edge.line: edge.level for edge in self.chip.edges()}
        self.driver.begin(at_us, levels)

    def close(self, at_us: int) -> None:
        """A window ends now, before what happens at this very moment."""
        later = []
        for edge in self.chip.edges():
            if edge.at_us < at_us:
                self.driver.edge(edge)
            else:
                later.append(edge)
        self.truth[at_us // 1_000] = {one.name: one.value for one in self.driver.close(at_us)}
        for edge in later:
            self.driver.edge(edge)
