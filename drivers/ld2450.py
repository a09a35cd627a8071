"""Hi-Link LD2450: a 24 GHz radar that sees where up to three people are, and so who walks over a line.

Wiring: 5 V, GND, TX to RXD of the Pi, RX to TXD; 3.3 V levels. 256000 baud: a USB adapter or /dev/ttyAMA0, not the
mini-UART. Hang it at about 1.5 m, looking across the path; x is to its right, y away from it, in metres, up to 6 m.

Without a window it says whether anybody is there. With one it counts who walks over the line from (x1, y1) to (x2, y2):
**in** is from the left of that line to its right, as seen by somebody who stands at point 1 and looks to point 2. As it
comes (a line across at y = 2 m, from the left to the right) in is towards the radar. Places are followed from one look
to the next inside the driver, only as far as needed to see a line crossed, and forgotten a second after they were last
seen: no place, path, speed or person leaves.

A target must get `margin` beyond the line before it is on the other side, so that somebody who stands on it is not
counted twice. What jumps farther than a person can is another target. There is no sum; head and tail must fit.
Source: Hi-Link, LD2450 serial communication protocol V1.03 (reference 6.2, its example is vector pub-084).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from drivers.driver import SerialLine
from drivers.errors import FramingError
from drivers.looks import MICRO, Looks
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.stream import Incomplete, StreamDriver
from drivers.window import Windowed

HEAD, TAIL = bytes.fromhex("aaff0300"), bytes.fromhex("55cc")
LENGTH, SLOT, SLOTS = 30, 8, 3
FARTHEST_M = 8.0
REACH_M = 0.8  # how far somebody gets between two looks, and how badly the radar places him
FORGET_S = 1.0
FROZEN_S = 600.0

Place = tuple[float, float]


@dataclass(slots=True)
class Track:
    """Somebody who is under way: the last place, when, and the last place that was clearly on one side of the line."""

    place: Place
    at_us: int
    side: int  # -1 left, 1 right, 0 not yet clear
    anchor: Place


def signed(word: int) -> int:
    """The radar's own way of signs: the top bit set is positive."""
    return word & 0x7FFF if word & 0x8000 else -(word & 0x7FFF)


def places(frame: bytes) -> list[Place]:
    """Where targets are, in metres. Empty slots, and places where the radar can not see, are left out."""
    found = []
    for at in range(4, 4 + SLOTS * SLOT, SLOT):
        x, y, _, resolution = (int.from_bytes(frame[i : i + 2], "little") for i in range(at, at + SLOT, 2))
        place = signed(x) / 1000, signed(y) / 1000
        if resolution and abs(place[0]) <= FARTHEST_M and 0 < place[1] <= FARTHEST_M:
            found.append(place)
    return found


class Line:
    """A line on the ground from one point to another, and what it means to walk over it."""

    def __init__(self, start: Place, end: Place, margin_m: float) -> None:
        self._start, self._margin_m = start, margin_m
        self._along = end[0] - start[0], end[1] - start[1]
        self._length = hypot(*self._along)

    def beyond(self, place: Place) -> float:
        """Metres to the right of the line (left: negative), the line thought endless."""
        (ax, ay), (px, py) = self._along, (place[0] - self._start[0], place[1] - self._start[1])
        return (ay * px - ax * py) / self._length

    def side(self, place: Place) -> int:
        """-1 left, 1 right, 0 too near to say."""
        beyond = self.beyond(place)
        return 0 if abs(beyond) <= self._margin_m else 1 if beyond > 0 else -1

    def between(self, one: Place, other: Place) -> bool:
        """Whether the way from one place to the other, which lie on both sides, meets the line between its ends."""
        a, b = self.beyond(one), self.beyond(other)
        share = a / (a - b)
        x, y = (p + share * (q - p) - s for p, q, s in zip(one, other, self._start, strict=True))
        return 0 <= x * self._along[0] + y * self._along[1] <= self._length**2


class LD2450(Windowed, StreamDriver):
    """Whether anybody is there; with a window, who walked over a line, by direction."""

    name = "ld2450"
    title = "Hi-Link LD2450: radar, people walking over a line"
    datasheet = "https://www.hlktech.net/index.php?id=1157"
    measures = (Quantity.PRESENCE, Quantity.COUNT, Quantity.COUNT_TOTAL)
    settings = (
        Setting("x1", -3.0, "where the line begins, metres to the right of the radar", (), -FARTHEST_M, FARTHEST_M),
        Setting("y1", 2.0, "... metres away from it", (), 0.0, FARTHEST_M),
        Setting("x2", 3.0, "where the line ends", (), -FARTHEST_M, FARTHEST_M),
        Setting("y2", 2.0, "... metres away from it", (), 0.0, FARTHEST_M),
        Setting("margin", 0.15, "metres beyond the line before somebody is over it", (), 0.0, 2.0),
        Setting("baud", 256000, "speed of the port, as the radar was set", (9600, 19200, 38400, 57600, 115200, 230400,
                                                                           256000, 460800)),
    )  # fmt: skip
    counts_people = True
    still_s = 0.0
    frozen_s = FROZEN_S
    opens, totals = ("_window",), ("_total",)
    longest = LENGTH
    start = HEAD[:1]
    sealed = False

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError for a line that has no length."""
        super().__init__(**settings)
        x1, y1, x2, y2 = (float(self.chosen[name]) for name in ("x1", "y1", "x2", "y2"))
        if hypot(x2 - x1, y2 - y1) < 0.1:
            raise ValueError("ld2450: the line from (x1, y1) to (x2, y2) must be at least 0.1 m long")
        self.line = SerialLine(int(self.chosen["baud"]))
        self._line = Line((x1, y1), (x2, y2), float(self.chosen["margin"]))
        self._tracks: list[Track] = []
        self._looks = Looks(FORGET_S, self.frozen_s)
        self._window = {"in": 0, "out": 0}
        self._total = {"in": 0, "out": 0}

    def frame(self, buffer: bytearray) -> int:
        """`AA FF 03 00`, three slots of eight bytes, `55 CC`."""
        if not HEAD.startswith(buffer[:4]):
            raise FramingError("no frame begins here")
        if len(buffer) < LENGTH:
            raise Incomplete
        if buffer[28:30] != TAIL:
            raise FramingError("the frame does not end where it must")
        return LENGTH

    def decode(self, frame: bytes) -> list[Reading]:
        """Whether anybody is there; who has walked over the line is counted."""
        seen = places(frame)
        flags = self._looks.look(self.at_us, frame if seen else b"")
        self._follow(seen)
        return [Reading(Quantity.PRESENCE, float(bool(seen)), flags=flags)]

    def _follow(self, seen: list[Place]) -> None:
        """Give each track the place nearest to it; what is left over begins a new one."""
        now = self.at_us
        tracks = [track for track in self._tracks if now - track.at_us <= FORGET_S * MICRO]
        near = sorted((hypot(p[0] - t.place[0], p[1] - t.place[1]), i, j)
                      for i, t in enumerate(tracks) for j, p in enumerate(seen))  # fmt: skip
        met: set[int] = set()
        taken: set[int] = set()
        for distance, i, j in near:
            if distance <= REACH_M and i not in met and j not in taken:
                met.add(i)
                taken.add(j)
                self._move(tracks[i], seen[j])
        new = [Track(p, now, self._line.side(p), p) for j, p in enumerate(seen) if j not in taken]
        self._tracks = (tracks + new)[-2 * SLOTS :]

    def _move(self, track: Track, place: Place) -> None:
        track.place, track.at_us = place, self.at_us
        side = self._line.side(place)
        if side == 0:
            return
        if side == -track.side and self._line.between(track.anchor, place):
            self._window["in" if side > 0 else "out"] += 1
        track.side, track.anchor = side, place

    def forget(self) -> None:
        super().forget()
        self._tracks = []

    def lost(self, looks: int) -> None:
        self._looks.lost()
        self._tracks = []

    def close(self, at_us: int) -> list[Reading]:
        """Four counts; zero is a reading, but not where nothing was looked at."""
        flags = self._looks.close(at_us)
        window, self._window = self._window, {"in": 0, "out": 0}
        for way, count in window.items():
            self._total[way] += count
        if flags is None:
            return []
        return _counts(Quantity.COUNT, window, flags) + _counts(Quantity.COUNT_TOTAL, self._total, Flag.NONE)


def _counts(quantity: Quantity, counts: dict[str, int], flags: Flag) -> list[Reading]:
    return [Reading(quantity, float(count), way, flags) for way, count in counts.items()]
