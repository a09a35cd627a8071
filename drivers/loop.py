"""The contact of a loop detector: inductive in the road, acoustic beside it; one loop, or two for direction and speed.

Wiring: the dry contact or open collector of the detector between the pin and GND with `bias = "pull_up"`,
`active_low = true`, so that level 1 is a vehicle. Detectors speak in one of two ways, set by their switches:
`presence`, closed for as long as the loop is occupied, or `pulse`, closed for 100 to 150 ms at each vehicle. In
presence the share of the window that the loop was occupied comes with the count; a pulse knows nothing of it.

With `loops = 2` there is a line `b` as well: a is the one that traffic of `ab` meets first. Speed is the distance from
front edge to front edge through the time between the two activations. Who touches one loop only is not counted.
A bicycle path is said by `counts = "people"`: long windows. A mean speed is told of five or more. Source: reference,
section 6.4, from memory of the makers' documents: so mode and distance are settings; the Traffic Detector Handbook.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.bounce import Bounce
from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.share import Share

ACROSS = {"a": "b", "b": "a"}
WAYS = ("ab", "ba")
KMH = 3.6
PEOPLE_MEAN = 5


class Loop(LinesDriver):
    """Counts; in presence mode the occupied share of loop a; with two loops direction and mean speed (km/h)."""

    name = "loop"
    title = "Loop detector: inductive or acoustic, one loop or two"
    datasheet = "https://www.fhwa.dot.gov/publications/research/operations/its/06108/"
    measures: tuple[Quantity, ...] = (Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.OCCUPANCY)
    settings = (
        Setting("loops", 1, "2: a second one at line b tells direction and speed", (1, 2)),
        Setting("mode", "presence", "closed while occupied, or a pulse for each vehicle", ("presence", "pulse")),
        Setting("distance_m", 2.5, "from the front edge of a to the front edge of b", (), 0.2, 20),
        Setting("debounce_ms", 20.0, "how long the contact must rest before it counts again", (), 0, 1000),
        Setting("slowest_kmh", 3.0, "who takes longer from loop to loop is not counted", (), 1, 50),
        Setting("fastest_kmh", 200.0, "who is faster is two vehicles", (), 50, 300),
        Setting("counts", "vehicles", "people: it lies in a bicycle path", ("vehicles", "people")),
    )
    lines: tuple[str, ...] = ("a",)
    still_s = 0.0
    totals = ("_total",)

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.lines = ("a", "b")[: int(self.chosen["loops"])]
        self.counts_people = self.chosen["counts"] == "people"
        self._double, self._presence = len(self.lines) == 2, self.chosen["mode"] == "presence"
        self.measures = self._measured()
        self.opens = ("_window", "_speeds", "_share") if self._presence else ("_window", "_speeds")
        distance_m = float(self.chosen["distance_m"])
        self._distance_um = distance_m * 1e6
        self._slowest_us = distance_m / float(self.chosen["slowest_kmh"]) * KMH * 1e6
        self._fastest_us = distance_m / float(self.chosen["fastest_kmh"]) * KMH * 1e6
        self._bounces = {line: Bounce(float(self.chosen["debounce_ms"]) * 1e3) for line in self.lines}
        self._share = Share()
        self._waiting: dict[str, int] = {}
        self._astray = False
        self._hit_us: int | None = None
        self._window = dict.fromkeys(WAYS if self._double else ("",), 0)
        self._total = dict.fromkeys(self._window, 0)
        self._speeds = dict.fromkeys(self._window, 0.0)

    def _measured(self) -> tuple[Quantity, ...]:
        share = (Quantity.OCCUPANCY,) if self._presence else ()
        speed = (Quantity.VEHICLE_SPEED,) if self._double else ()
        return (Quantity.COUNT, Quantity.COUNT_TOTAL, *share, *speed)

    def begin(self, at_us: int, levels: Mapping[str, int]) -> None:
        """Who stands on the loop already occupies it, and is not counted."""
        self._share.change(at_us, levels["a"])

    def edge(self, edge: Edge) -> None:
        """Take one edge. Raises KeyError for a line that is no loop."""
        counts = self._bounces[edge.line].counts(edge.at_us, edge.level)
        if edge.line == "a":
            self._share.change(edge.at_us, edge.level)
        if counts and self._double:
            self._meet(edge)
        elif counts:
            self._window[""] += 1

    def _meet(self, edge: Edge) -> None:
        """A vehicle comes onto one of two loops: from the other, or as the first."""
        before, self._hit_us = self._hit_us, edge.at_us
        self._find_back(before, edge.at_us)
        if self._astray:
            return
        before = self._waiting.get(ACROSS[edge.line])
        took_us = edge.at_us - before if before is not None else 0
        if not self._fastest_us <= took_us <= self._slowest_us:
            self._waiting[edge.line] = edge.at_us
            return
        del self._waiting[ACROSS[edge.line]]
        way = ACROSS[edge.line] + edge.line
        self._window[way] += 1
        self._speeds[way] += self._distance_um / took_us * KMH

    def _find_back(self, hit_us: int | None, at_us: int) -> None:
        """After a loss vehicles are told apart again when both loops have been quiet for long enough."""
        if hit_us is not None and at_us - hit_us > self._slowest_us:
            self._astray = False

    @property
    def astray(self) -> bool:
        return self._astray

    def lost(self, edges: int) -> None:
        """Forget who is between the loops: with one hit missing the next vehicles would go the wrong way."""
        self._waiting.clear()
        self._astray, self._hit_us = self._double, None

    def close(self, at_us: int) -> list[Reading]:
        """Counts and totals, the occupied share, and mean speeds where anything passed."""
        self._find_back(self._hit_us, at_us)
        for way, count in self._window.items():
            self._total[way] += count
        said = [Reading(Quantity.COUNT, float(count), way) for way, count in self._window.items()]
        said += [Reading(Quantity.COUNT_TOTAL, float(count), way) for way, count in self._total.items()]
        share = self._share.close(at_us)
        if self._presence:
            said.append(Reading(Quantity.OCCUPANCY, share))
        said += self._means()
        self._window, self._speeds = dict.fromkeys(self._window, 0), dict.fromkeys(self._window, 0.0)
        return said

    def _means(self) -> list[Reading]:
        least = PEOPLE_MEAN if self.counts_people else self.least_for_mean
        told = [way for way, count in self._window.items() if way and count >= least]
        return [Reading(Quantity.VEHICLE_SPEED, self._speeds[way] / self._window[way], way) for way in told]
