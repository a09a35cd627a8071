"""A passive infrared sensor: somebody warm moves here, or nobody does.

Wiring: VCC to 5 V, GND, OUT (3.3 V, high while it sees movement) to a pin. It tells occupied or not and never how many:
behind each movement it holds its output for some seconds, is then blind for as long, and a group is one movement.
`hold_s` bridges that blindness and the stillness of who reads a timetable. Presence is 1 when anybody was there at any
moment of the window; occupancy is the share of the window, holding included. Short windows would draw the trace of one
person on a quiet street, so they are those of people: 300 s or more. After power-on it sees ghosts for a minute.
Source: HC-SR501 sheet; its hold and lock-out of 2 to 3 s are set by potentiometers.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.lines import Edge, LinesDriver
from drivers.ongoing import State
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.share import Share


class PIR(LinesDriver):
    """Presence (0 or 1) and occupancy (share) of a window."""

    name = "pir"
    title = "Passive infrared sensor: somebody is there"
    datasheet = "https://www.mpja.com/download/31227sc.pdf"
    measures = (Quantity.PRESENCE, Quantity.OCCUPANCY)
    settings = (Setting("hold_s", 5.0, "occupied for so long after the last movement", (), 0, 3600),)
    counts_people = True  # not how many, but when
    still_s = 0.0
    opens = ("_share",)

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._hold_us = round(float(self.chosen["hold_s"]) * 1e6)
        self._moves = 0
        self._until_us: int | None = None  # held until then, since the movement ended
        self._share = Share()

    def begin(self, at_us: int, levels: Mapping[str, int]) -> None:
        """A movement that goes on already."""
        self._lapse(at_us)
        self._share.change(at_us, self._share.level)
        self._becomes(at_us, levels["line"])

    def edge(self, edge: Edge) -> None:
        """Take one edge. Raises KeyError for another line."""
        if edge.line not in self.lines:
            raise KeyError(edge.line)
        self._becomes(edge.at_us, edge.level)

    def _becomes(self, at_us: int, level: int) -> None:
        self._lapse(at_us)
        if level:
            self._share.change(at_us, 1)
            self._until_us = None
        elif self._moves:
            self._until_us = at_us + self._hold_us
        self._moves = level

    def _lapse(self, at_us: int) -> None:
        """The hold ends, if it does before this instant."""
        if self._until_us is not None and self._until_us <= at_us:
            self._share.change(self._until_us, 0)
            self._until_us = None

    def state(self) -> State:
        """A hold that has ended by now counts up to its end."""
        self._lapse(self.at_us)
        return super().state()

    def close(self, at_us: int) -> list[Reading]:
        """Whether anybody was there, and for which share of the window."""
        self._lapse(at_us)
        share = self._share.close(at_us)
        return [Reading(Quantity.PRESENCE, float(share > 0)), Reading(Quantity.OCCUPANCY, share)]
