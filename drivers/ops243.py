"""OmniPreSense OPS243-A: a 24 GHz radar that says the speed of what comes and goes; here it counts vehicles.

Wiring: its USB plug, then name the port by `/dev/serial/by-id/…`; or 5 V, GND, TX to RXD of the Pi, RX to TXD. It
reports a speed several times while a vehicle is in its beam and nothing at all while the road is empty. Reports of one
direction that follow each other within `gap` are one vehicle, whose speed is their median; vehicles that follow each
other more closely are one, which is the limit of the instrument. It can not tell a cyclist from a slow car, so windows
are those of people. Only counts leave, by direction and by the speed
bands of the table `bands`, and the mean speed of a window in which at least `least_for_mean` vehicles came by: never
the speed of one.

It forgets its settings with its power, also its unit: so `setup` asks for the unit with each report (`OU`), a report
without one is refused, and the runner is told to set the radar up again. Which sign is which direction the reference
only knows from memory: `inbound` says it.

A silent road proves nothing. So with `zeros` the radar is asked to report zero while the road is empty (`BZ`, also from
memory); once one was heard, a pause of more than two seconds is a hole in the window, which is flagged STALE. Where it
does not do so, the setup is repeated after a quarter of an hour of silence; the answers to it prove that the radar
lives, and a window without a sign of life for half an hour says nothing; who passed before it is counted in the next.
Source: OmniPreSense, AN-010 API interface (reference 6.4).
"""

from __future__ import annotations

import json
import re
from statistics import median

from drivers.driver import SerialLine
from drivers.errors import DeviceFault, FramingError, NotMeasured
from drivers.looks import MICRO, Looks
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting, Table
from drivers.talk import Pause, Talk, Write
from drivers.textline import NUMBER, TextDriver, number
from drivers.window import Windowed

TO_KMH = {"kmph": 1.0, "mps": 3.6, "mph": 1.609344, "fps": 1.09728, "cmps": 0.036}
ALIAS = {"km/h": "kmph", "kph": "kmph", "kmh": "kmph", "m/s": "mps", "ft/s": "fps", "cm/s": "cmps"}
UNIT_COMMAND = {"kmph": b"UK", "mps": b"UM", "mph": b"US", "fps": b"UF", "cmps": b"UC"}
BETWEEN_COMMANDS_S = 0.1
BEAT_S = 2.0  # a radar that reports zeros is never silent for longer
BEATING_SILENCE_S = 10.0
LATE_US = 5_000_000  # a vehicle that was given up would have been counted by then
ALIVE_S = 1800.0  # without a sign of life for so long a window knows nothing
MOST_REPORTS = 64  # of one vehicle that are kept
BAND = re.compile(r"[a-z0-9_]{1,16}")
WAYS = ("in", "out")

Counts = dict[str, int]


class Vehicle:
    """What is in the beam now, in one direction."""

    def __init__(self) -> None:
        self.speeds: list[float] = []
        self.last_us = 0

    def report(self, at_us: int, kmh: float) -> None:
        if len(self.speeds) < MOST_REPORTS:
            self.speeds.append(kmh)
        self.last_us = at_us


class OPS243(Windowed, TextDriver):
    """Vehicles by direction and speed band, and the mean speed of enough of them."""

    name = "ops243"
    title = "OmniPreSense OPS243-A: radar, vehicles by direction and speed band"
    datasheet = "https://omnipresense.com/wp-content/uploads/2023/06/AN-010-Y_API_Interface.pdf"
    measures = (Quantity.COUNT, Quantity.COUNT_TOTAL, Quantity.VEHICLE_SPEED)
    settings = (
        Setting("format", "json", "how it is told to talk", ("json", "plain")),
        Setting("unit", "kmph", "which unit it is told to use", tuple(TO_KMH)),
        Setting("unit_told", True, "refuse a report that does not name its unit; false believes `unit`"),
        Setting("zeros", True, "ask it to report zero while the road is empty, as a sign of life"),
        Setting("inbound", "positive", "the sign of what comes nearer", ("positive", "negative")),
        Setting("baud", 19200, "speed of the port; USB takes any", (9600, 19200, 57600, 115200)),
        Setting("gap", 1.0, "seconds without a report after which a vehicle has passed", (), 0.1, 30.0),
        Setting("least_reports", 2, "fewer reports than this are no vehicle", (), 1, 20),
        Setting("least_speed", 3.0, "km/h; slower is not counted", (), 0.0, 100.0),
        Setting("most_speed", 250.0, "km/h; faster is not believed", (), 10.0, 300.0),
        Setting("least_for_mean", 5, "vehicles in a window before their mean speed is told", (), 3, 1000),
    )
    tables = (
        Table("bands", (
            Setting("name", "", "of the band, as it is written behind the direction", required=True),
            Setting("low", 0.0, "km/h, this speed included", (), 0.0, 300.0),
            Setting("high", 300.0, "km/h, this speed not included", (), 0.0, 300.0),
        ), "speed bands; a vehicle counts in each that holds its speed", (
            {"name": "to_30", "low": 0.0, "high": 30.0}, {"name": "30_50", "low": 30.0, "high": 50.0},
            {"name": "from_50", "low": 50.0, "high": 300.0},
        ), most=16),
    )  # fmt: skip
    must_window = True
    counts_people = True  # cyclists and walkers are in the beam as well
    still_s = 0.0
    frozen_s = 600.0
    silence_s = 900.0
    opens, totals = ("_window", "_speeds"), ("_total",)

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError for bands without a proper name, or whose ends are the wrong way round."""
        super().__init__(**settings)
        self.line = SerialLine(int(self.chosen["baud"]))
        self._bands = {str(row["name"]): (float(row["low"]), float(row["high"])) for row in self.rows["bands"]}
        if len(self._bands) < len(self.rows["bands"]) or not all(map(BAND.fullmatch, self._bands)):
            raise ValueError("ops243.bands: each needs a name of its own, of small letters, digits and _")
        if not all(low < high for low, high in self._bands.values()):
            raise ValueError("ops243.bands: low must be less than high")
        self._looks = Looks(BEAT_S, self.frozen_s)
        self._beats = False  # it does report zeros
        self._lost_us: int | None = None
        self._opened_us = 0  # when this window began
        self._inside = {way: Vehicle() for way in WAYS}
        self._window: Counts = {channel: 0 for way in WAYS for channel in (way, *(f"{way}.{b}" for b in self._bands))}
        self._total = dict(self._window)
        self._speeds = dict.fromkeys(WAYS, 0.0)  # sums of km/h
        self._heard_us: int | None = None
        self._doubt = Flag.NONE

    def setup(self) -> Talk[None]:
        """Speed only, in our unit, which is named each time."""
        self.lost_setup = False
        shape = b"OJ" if self.chosen["format"] == "json" else b"Oj"
        zeros = (b"BZ",) if self.chosen["zeros"] else ()
        for command in (UNIT_COMMAND[str(self.chosen["unit"])], b"OU", b"OS", b"Om", b"Ot", shape, *zeros):
            yield Write(command)
            yield Pause(BETWEEN_COMMANDS_S)

    def line_said(self, line: str) -> list[Reading] | None:
        """Count what a line reports. Raises FramingError, NotMeasured, DeviceFault."""
        shaped = line.startswith("{")
        report = _of_json(line) if shaped else _of_plain(line)
        self._heard_us = self.at_us
        if report is None:
            return None
        speed, unit, way = report
        if (unit is None and self.chosen["unit_told"]) or (self.chosen["format"] == "json" and not shaped):
            self.lost_setup = True
            raise DeviceFault("the radar does not talk as it was told to: it has lost its settings")
        kmh = abs(speed) * TO_KMH[unit or str(self.chosen["unit"])]
        if kmh > float(self.chosen["most_speed"]):
            raise NotMeasured("nothing is so fast")
        positive = "in" if self.chosen["inbound"] == "positive" else "out"
        self._report(way or (positive if speed > 0 else "out" if positive == "in" else "in"), kmh, line)
        return []

    def _report(self, way: str, kmh: float, line: str) -> None:
        self._end_passages(self.at_us)
        if not kmh and not self._beats:
            self._beats, self.silence_s = True, BEATING_SILENCE_S
        self._doubt |= self._looks.look(self.at_us, line.encode() if kmh else b"")
        if kmh < max(float(self.chosen["least_speed"]), 0.01):
            return
        self._inside[way].report(self.at_us, kmh)

    def _end_passages(self, at_us: int) -> None:
        for way, vehicle in self._inside.items():
            if vehicle.speeds and at_us - vehicle.last_us > float(self.chosen["gap"]) * MICRO:
                if len(vehicle.speeds) >= int(self.chosen["least_reports"]):
                    self._pass(way, median(vehicle.speeds))
                self._inside[way] = Vehicle()

    def _pass(self, way: str, kmh: float) -> None:
        """A vehicle has passed."""
        bands = [f"{way}.{band}" for band, (low, high) in self._bands.items() if low <= kmh < high]
        for channel in (way, *bands):
            self._window[channel] += 1
        self._speeds[way] += kmh

    def lost(self, looks: int) -> None:
        self._end_passages(self.at_us)
        self._inside = {way: Vehicle() for way in WAYS}
        self._lost_us = self.at_us

    def close(self, at_us: int) -> list[Reading]:
        """Counts by direction and band, their totals, and means; nothing when the radar gave no sign of life."""
        self._end_passages(at_us)
        flags, alive = self._doubts(at_us)
        if not alive:
            self._doubt = flags | Flag.STALE
            return []
        counts, speeds = self._window, self._speeds
        self._window, self._speeds = dict.fromkeys(counts, 0), dict.fromkeys(speeds, 0.0)
        self._total = {channel: self._total[channel] + count for channel, count in counts.items()}
        said = [Reading(Quantity.COUNT, float(count), channel, flags) for channel, count in counts.items()]
        said += [Reading(Quantity.COUNT_TOTAL, float(count), channel) for channel, count in self._total.items()]
        return said + [
            Reading(Quantity.VEHICLE_SPEED, speeds[way] / counts[way], way, flags)
            for way in WAYS if counts[way] >= int(self.chosen["least_for_mean"])
        ]  # fmt: skip

    def _doubts(self, at_us: int) -> tuple[Flag, bool]:
        """What is doubtful of the window that ends, and whether the radar lived in it at all."""
        flags, self._doubt = self._doubt, Flag.NONE
        looked = self._looks.close(at_us)
        if self._lost_us is not None and self._lost_us + LATE_US > self._opened_us:
            flags |= Flag.STALE
        self._opened_us = at_us
        if self._beats:
            return flags | (looked or Flag.NONE), looked is not None
        return flags, self._heard_us is not None and at_us - self._heard_us <= ALIVE_S * MICRO


Report = tuple[float, str | None, str | None]  # speed with its sign, unit if told, direction if told


def _of_json(line: str) -> Report | None:
    """A JSON line; None for the answer to a command. Raises FramingError, NotMeasured."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise FramingError("a line is no JSON") from None
    if not isinstance(said, dict):
        raise FramingError("a line is no JSON object")
    if "speed" not in said:
        return None
    way = {"inbound": "in", "outbound": "out"}.get(str(said.get("direction", "")).lower())
    return number(str(said["speed"])), _unit(str(said["unit"])) if "unit" in said else None, way


def _of_plain(line: str) -> Report | None:
    """Optional time and magnitude, optional unit in quotes, and last the speed."""
    *before, speed = (part.strip().strip('"') for part in line.split(","))
    units = [part for part in before if part[:1].isalpha()]
    if len(before) > 3 or len(units) > 1:
        raise FramingError("a line has too many columns")
    if not NUMBER.fullmatch(speed):
        raise FramingError("a line ends with no speed")
    return float(speed), _unit(units[0]) if units else None, None


def _unit(told: str) -> str:
    unit = ALIAS.get(told.lower(), told.lower())
    if unit not in TO_KMH:
        raise FramingError("a report names a unit that nobody knows")
    return unit
