"""A tipping bucket rain gauge: a contact closes for a moment each time the bucket is full.

Wiring: its two wires between the pin and GND, `bias = "pull_up"`, `active_low = true`. What one tip is worth differs
from make to make and is a profile: Argent (SparkFun, "WH-SP-RG") 0.2794 mm, Davis 0.2 mm with the metric adapter and
0.254 mm without. A calibrated gauge says its own `mm_per_tip`. Rain is the sum of the window; count_total is the tips
since the start, from which any sum can be had without the rounding of single windows. The contact springs for some
tens of ms and no bucket fills twice in `debounce_ms`. Tips that the kernel dropped are not guessed at. Frozen or
clogged it says 0 like a dry one. Source: reference, section 10.3; SparkFun weather sensor assembly.
"""

from __future__ import annotations

from drivers.bounce import Bounce
from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting

MM_PER_TIP = {"argent": 0.2794, "davis": 0.2, "davis_inch": 0.254}


class Rain(LinesDriver):
    """Rain (mm) of a window, and tips in all."""

    name = "rain"
    title = "Rain gauge with a tipping bucket"
    datasheet = "https://www.sparkfun.com/datasheets/Sensors/Weather/Weather%20Sensor%20Assembly..pdf"
    measures = (Quantity.RAIN, Quantity.COUNT_TOTAL)
    settings = (
        Setting("profile", "argent", "the make, which says what a tip is worth", tuple(MM_PER_TIP)),
        Setting("mm_per_tip", 0.0, "as calibrated; 0: what the profile says", (), 0, 10),
        Setting("debounce_ms", 100.0, "how long the contact must rest before it counts again", (), 0, 1000),
    )
    still_s = 0.0
    opens, totals = ("_window",), ("_total",)

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._mm = float(self.chosen["mm_per_tip"]) or MM_PER_TIP[str(self.chosen["profile"])]
        self._bounce = Bounce(float(self.chosen["debounce_ms"]) * 1000)
        self._window = self._total = 0

    def edge(self, edge: Edge) -> None:
        """Take one edge. Raises KeyError for another line."""
        if edge.line not in self.lines:
            raise KeyError(edge.line)
        self._window += self._bounce.counts(edge.at_us, edge.level)

    def close(self, at_us: int) -> list[Reading]:
        """The rain of the window, dry being 0, and all tips since the start."""
        tips, self._window = self._window, 0
        self._total += tips
        return [Reading(Quantity.RAIN, tips * self._mm), Reading(Quantity.COUNT_TOTAL, float(self._total))]
