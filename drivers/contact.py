"""A contact that stands open or closed: the door of a cabinet, a lid, a tilt switch on a pole.

Wiring: a reed contact between the pin and GND with `bias = "pull_up"`: closed by the magnet while the door is shut, so
that an open door is level 1. A tilt switch that opens when it falls is the same; for one that closes add
`active_low = true`. Presence is 1 when it is open as the window ends, occupancy is the share of the window that it was
open, count is how often it was opened. A door that stands open when the node starts is open, and was not opened.
Source: how Linux stamps edges (GPIO character device, version 2).
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.bounce import Bounce
from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.share import Share


class Contact(LinesDriver):
    """Open now (presence), share of the window open (occupancy), openings (count)."""

    name = "contact"
    title = "Door or tilt contact: open or closed, and how often"
    datasheet = "https://docs.kernel.org/userspace-api/gpio/chardev.html"
    measures = (Quantity.PRESENCE, Quantity.OCCUPANCY, Quantity.COUNT, Quantity.COUNT_TOTAL)
    settings = (Setting("debounce_ms", 50.0, "how long the contact must rest before it counts again", (), 0, 10_000),)
    still_s = 0.0
    opens, totals = ("_window", "_share"), ("_total",)

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._bounce = Bounce(float(self.chosen["debounce_ms"]) * 1000)
        self._share = Share()
        self._window = self._total = 0

    def begin(self, at_us: int, levels: Mapping[str, int]) -> None:
        """As it stands."""
        self._share.change(at_us, levels["line"])

    def edge(self, edge: Edge) -> None:
        """Take one edge. Raises KeyError for another line."""
        if edge.line not in self.lines:
            raise KeyError(edge.line)
        if self._bounce.counts(edge.at_us, edge.level) and not self._share.level:
            self._window += 1
        self._share.change(edge.at_us, edge.level)

    def close(self, at_us: int) -> list[Reading]:
        """Open now, share, openings of the window and in all."""
        count, self._window = self._window, 0
        self._total += count
        share = self._share.close(at_us)
        return [
            Reading(Quantity.PRESENCE, float(self._share.level)),
            Reading(Quantity.OCCUPANCY, share),
            Reading(Quantity.COUNT, float(count)),
            Reading(Quantity.COUNT_TOTAL, float(self._total)),
        ]
