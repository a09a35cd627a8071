"""Benewake TFmini-S, TFmini Plus and TF-Luna: a small lidar that measures one distance a hundred times a second.

Wiring: 5 V, GND, TX to RXD of the Pi, RX to TXD; 3.3 V levels. TF-Luna: pin 5 open or high, or it speaks I2C.
One format for all three; the first TFmini, no longer sold, sends other things in the last two words but the same
distance. By the `window` it counts: `mode = "passage"` what comes near and goes again (a door, a path: the distance to
the other side must be more than `near`), `mode = "parking"` the share of the time that a spot is taken, and arrivals.

Too little light back (strength under 100) is a look that met nothing; too much (65535), none whatever (zero in both
words) and the distances with which the device says that it failed are no look at all: the reference is not certain of
the first number, so `least_strength` is a setting. Bytes that do not change at all for ten minutes come from a lidar
that hangs, for strength and temperature tremble always. Sources: Benewake, TFmini-S and TF-Luna product manuals
(reference 6.3).
"""

from __future__ import annotations

from drivers.driver import SerialLine
from drivers.errors import ChecksumError, FramingError, NotMeasured
from drivers.looks import MICRO, Looks
from drivers.passage import Nearness, Passages, Spot
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.stream import Incomplete, StreamDriver
from drivers.window import Windowed

HEAD = b"\x59\x59"
LENGTH = 9
DAZZLED = 0xFFFF  # the strength when too much light comes back
FAILED = 0xFFFC  # distances from here on say that it could not measure
GAP_S = 1.0
FROZEN_S = 600.0


class TFmini(Windowed, StreamDriver):
    """A distance in metres; with a window, passages, or whether a parking spot is taken."""

    name = "tfmini"
    title = "Benewake TFmini-S, TFmini Plus, TF-Luna: distance, passages, parking"
    datasheet = "https://en.benewake.com/TFminiS/index.html"
    measures = (Quantity.DISTANCE, Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.OCCUPANCY)
    decimals = {Quantity.DISTANCE: 2}  # noqa: RUF012
    settings = (
        Setting("mode", "distance", "passage or parking: what a window counts; distance: a plain sensor of distance",
                ("distance", "passage", "parking")),
        Setting("near", 2.0, "nearer than so many metres is somebody or a car", (), 0.1, 12.0),
        Setting("hysteresis", 0.1, "metres beyond that until it has gone again", (), 0.0, 2.0),
        Setting("least_s", 0.05, "passage: what is near for a shorter time is none", (), 0.0, 60.0),
        Setting("most_s", 30.0, "passage: what is near for longer is none", (), 0.1, 3600.0),
        Setting("hold_s", 10.0, "parking: taken when something is near for so long", (), 0.0, 600.0),
        Setting("free_s", 10.0, "parking: free when nothing is near for so long", (), 0.0, 600.0),
        Setting("least_strength", 100, "less light than this came back from nothing", (), 0, 1000),
    )  # fmt: skip
    still_s = 86_400.0  # a parked car stands still to the centimetre
    frozen_s = FROZEN_S
    totals = ("_total",)
    line = SerialLine(115200)
    longest = LENGTH
    start = HEAD[:1]

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._parking = self.chosen["mode"] == "parking"
        self.counts_people = not self._parking
        self.opens = ("_count", "_spot") if self._parking else ("_count",)
        self.must_window = self.chosen["mode"] != "distance"  # a distance each second shows who passes, and when
        near, hysteresis, least, most, hold, free, gap = (*map(self._number, (
            "near", "hysteresis", "least_s", "most_s", "hold_s", "free_s")), GAP_S * MICRO)  # fmt: skip
        self._passages = Passages(Nearness(near, hysteresis), least * MICRO, most * MICRO, gap)
        self._spot = Spot(Nearness(near, hysteresis), hold * MICRO, free * MICRO, gap)
        self._looks = Looks(GAP_S, self.frozen_s)
        self._count = self._total = 0

    def _number(self, name: str) -> float:
        return float(self.chosen[name])

    def frame(self, buffer: bytearray) -> int:
        """`59 59`, distance, strength, temperature (each 16 bits, low byte first), and the sum of all before."""
        if not HEAD.startswith(buffer[:2]):
            raise FramingError("no frame begins here")
        if len(buffer) < LENGTH:
            raise Incomplete
        if sum(buffer[:8]) & 0xFF != buffer[8]:
            raise ChecksumError("the sum of the frame does not fit")
        return LENGTH

    def decode(self, frame: bytes) -> list[Reading]:
        """The distance; nothing when too little light came back. Raises NotMeasured for too much, or none at all."""
        distance, strength = (int.from_bytes(frame[at : at + 2], "little") for at in (2, 4))
        if strength == DAZZLED or distance >= FAILED:
            raise NotMeasured("too much light came back")
        if not strength and not distance:
            raise NotMeasured("it measures nothing: even an open sky has some light")
        met = None if strength < self._number("least_strength") or not distance else distance / 100
        flags = self._looks.look(self.at_us, b"" if met is None else frame)
        if not flags:
            self._look(met)
        if met is None:
            self.errors[NotMeasured.cause] += 1  # a look all the same: nobody is under an open sky most of the time
            return []
        return [Reading(Quantity.DISTANCE, met, flags=flags)]

    def _look(self, distance_m: float | None) -> None:
        watched = self._spot if self._parking else self._passages
        self._count += watched.look(self.at_us, distance_m)

    def lost(self, looks: int) -> None:
        self._looks.lost()
        (self._spot if self._parking else self._passages).lost()

    def close(self, at_us: int) -> list[Reading]:
        """The count, its total and, for parking, the share of the time; nothing when nothing was looked at."""
        flags = self._looks.close(at_us)
        count, self._count = self._count, 0
        self._total += count
        share = self._spot.close(at_us) if self._parking else None
        if flags is None:
            return []
        said = [Reading(Quantity.COUNT, float(count), flags=flags)]
        said.append(Reading(Quantity.COUNT_TOTAL, float(self._total), flags=Flag.NONE))
        return said if share is None else [*said, Reading(Quantity.OCCUPANCY, share, flags=flags)]
