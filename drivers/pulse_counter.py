"""Anything that closes a contact once per event: rain gauges, S0 energy meters, induction loops, bicycle tubes.

Wiring: the contact between the pin and GND, with `bias = "pull_up"` and `active_low = true`, so that a closed contact
is level 1. A count is an activation that comes after the contact has rested: edges within `debounce_ms` of the edge
before them are the spring of the contact, at closing and at opening alike. Rain gauges want 100, anemometers 10.
Edges that the kernel dropped are not guessed at: counts may be too low then, never too high. Source: how Linux stamps
and numbers edges (GPIO character device, version 2); the pulse output S0 is that of IEC 62053-31.
"""

from __future__ import annotations

from drivers.bounce import Bounce
from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting


class PulseCounter(LinesDriver):
    """Activations of one line per window, and in all since the start."""

    name = "pulse_counter"
    title = "Pulse counter: a contact that closes once per event"
    datasheet = "https://docs.kernel.org/userspace-api/gpio/chardev.html"
    measures = (Quantity.COUNT, Quantity.COUNT_TOTAL)
    settings = (
        Setting("debounce_ms", 5.0, "how long the contact must rest before it counts again", (), 0, 10_000),
        Setting("counts", "things", "what a pulse stands for; counts of people get long windows", ("things", "people")),
    )
    still_s = 0.0
    opens, totals = ("_window",), ("_total",)

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.counts_people = self.chosen["counts"] == "people"
        self._bounce = Bounce(float(self.chosen["debounce_ms"]) * 1000)
        self._window = self._total = 0

    def edge(self, edge: Edge) -> None:
        """Count an activation after a rest. An edge that comes late is measured like one that comes early."""
        if edge.line not in self.lines:
            raise KeyError(edge.line)
        if self._bounce.counts(edge.at_us, edge.level):
            self._window += 1

    def close(self, at_us: int) -> list[Reading]:
        """The count of the window and the total; zero is a reading."""
        count, self._window = self._window, 0
        self._total += count
        return [Reading(Quantity.COUNT, float(count)), Reading(Quantity.COUNT_TOTAL, float(self._total))]
