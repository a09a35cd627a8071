"""A cup anemometer: a contact closes once a turn (or twice), and the faster the more often.

Wiring: its two wires between the pin and GND, `bias = "pull_up"`, `active_low = true`. What one closure a second is
worth is a profile: Argent (SparkFun) 2.4 km/h, Davis 2.25 mph; or `kmh_per_hz` for another make. Mean is the closures
of the window through its length. The gust, channel `max`, is the largest mean over `gust_s` (3 s, as the WMO has it)
that ended in the window; it knows steps of one closure in 3 s and is never less than the mean.

Above 50 turns a second a contact rests for less than the 10 ms that springs may last. So two things are asked of a
closure: that the line was still for a fifth of `debounce_ms`, and that it follows the last one by all of it. In a storm
the count goes on up to 100 a second, where a plain pause would let it fall to nothing. No turn is 0: an anemometer that
is frozen or broken says 0 too. Source: reference, section 10.3; SparkFun weather sensor assembly; Davis 6410 sheet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from drivers.bounce import Bounce
from drivers.lines import Edge, LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.share import Stretch

KMH_PER_HZ = {"argent": 2.4, "davis": 2.25 * 1.609344}
KMH = 3.6
REST_SHARE = 0.2
MOST_PULSES = 4096  # of one gust


class Gust:
    """The most closures within `length_us` in a window."""

    def __init__(self, length_us: int) -> None:
        self._length_us = length_us
        self._recent: deque[int] = deque(maxlen=MOST_PULSES)
        self._most = 0

    def pulse(self, at_us: int) -> None:
        self._recent.append(at_us)
        while self._recent[0] <= at_us - self._length_us:
            self._recent.popleft()
        self._most = max(self._most, len(self._recent))

    def lost(self) -> None:
        self._recent.clear()

    def close(self) -> float:
        """Closures a second in the strongest gust of the window; the next begins."""
        most, self._most = self._most, 0
        return most / self._length_us * 1e6

    def told(self, at_us: int) -> dict[str, int]:
        """For keeping."""
        return {"most": self._most}

    def take(self, times: Mapping[str, int]) -> None:
        """The stronger one stays."""
        self._most = max(self._most, times.get("most", 0))


class Anemometer(LinesDriver):
    """Wind speed (m/s): mean, and `max`, the gust."""

    name = "anemometer"
    title = "Cup anemometer: mean wind and gusts"
    datasheet = "https://www.sparkfun.com/datasheets/Sensors/Weather/Weather%20Sensor%20Assembly..pdf"
    measures = (Quantity.WIND_SPEED,)
    settings = (
        Setting("profile", "argent", "the make, which says what a closure a second is worth", tuple(KMH_PER_HZ)),
        Setting("kmh_per_hz", 0.0, "as calibrated; 0: what the profile says", (), 0, 100),
        Setting("gust_s", 3.0, "a gust is the mean over so long", (), 1, 60),
        Setting("debounce_ms", 10.0, "closures follow each other by this at least", (), 0, 100),
    )
    still_s = 0.0
    opens = ("_pulses", "_gust", "_watched")

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        per_hz = float(self.chosen["kmh_per_hz"]) or KMH_PER_HZ[str(self.chosen["profile"])]
        self._speed = per_hz / KMH  # m/s of one closure a second
        self._gust = Gust(round(float(self.chosen["gust_s"]) * 1e6))
        apart_us = float(self.chosen["debounce_ms"]) * 1000
        self._bounce = Bounce(apart_us * REST_SHARE, apart_us)
        self._watched = Stretch()
        self._pulses = 0

    def begin(self, at_us: int, levels: Mapping[str, int]) -> None:
        """The first window begins here."""
        self._watched.begin(at_us)

    def edge(self, edge: Edge) -> None:
        """Take one edge. Raises KeyError for another line."""
        if edge.line not in self.lines:
            raise KeyError(edge.line)
        self._watched.begin(edge.at_us)
        if not self._bounce.counts(edge.at_us, edge.level):
            return
        self._pulses += 1
        self._gust.pulse(edge.at_us)

    def close(self, at_us: int) -> list[Reading]:
        """The mean of the window and its strongest gust; calm is 0."""
        length_us = self._watched.close(at_us)
        mean = self._pulses / length_us * 1e6 * self._speed if length_us > 0 else 0.0
        gust = max(mean, self._gust.close() * self._speed)
        self._pulses = 0
        return [Reading(Quantity.WIND_SPEED, mean), Reading(Quantity.WIND_SPEED, gust, "max")]

    def lost(self, edges: int) -> None:
        """A gust across the loss would be a guess."""
        self._gust.lost()
