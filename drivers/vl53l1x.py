"""ST VL53L1X: distance by the flight of light, people through a door, or whether a parking spot is taken.

Source: ST UM2510 (the register writes of ST's ultra lite driver) and datasheet DS12385. Wiring: SDA and SCL to header
pins 3 and 5, 3V3 to pin 1, XSHUT to 3V3 (or to a pin, when several must be given other addresses); 0x29, where a
TSL2591 sits too. ST publishes no register map: the block of defaults is written as a whole, and what we chose is
read back.

Each look is one measurement: start, wait, read, stop, so that it is never an old one. A range is told with a status,
and only status 0 is a distance. Too little signal, out of bounds and a wrapped phase are looks that met nothing within
reach; every other status is no look at all. There is no checksum: results are read twice, and before and after a
measurement the chip must still be set up as we left it, for after a brown-out it measures with other settings.

With `mode = "passage"`, above a door and looking down, it looks alternately through the two halves of its lens: whoever
breaks the first half first goes in. Distances stay in the driver; a window says two counts. `mode = "parking"` tells
the share of the window for which something was near, and how many came.
"""

from __future__ import annotations

from drivers.driver import I2CDriver
from drivers.errors import ChecksumError, DeviceFault, DriverError, NotMeasured, NotReady, WrongChip
from drivers.looks import MICRO, Looks
from drivers.passage import Gate, Nearness, Spot
from drivers.reading import Quantity, Reading
from drivers.register_chip import alive, answered
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk, Write, WriteRead
from drivers.window import Windowed

LOOP_BOUND, START_TEMPERATURE, BLOCK, POLARITY, PHASE_TIMEOUT, RANGE = 0x08, 0x0B, 0x2D, 0x30, 0x4B, 0x5E
PHASE_HIGH, PHASES, ROI, CLEAR, MODE, RESULT, BOOTED, MODEL = 0x69, 0x78, 0x7F, 0x86, 0x87, 0x89, 0xE5, 0x10F
DEFAULTS = bytes.fromhex(
    "00000001 02000208 00081001 01000000 00ff000f 00000000 00200b00 00020a21 00000500 000000c8 000038ff 01000800"
    "0001cc0f 01f10d01 68008008 b8000000 000f8900 00000000 0000010f 0d0e0e00 0002c7ff 9b000000 010000"
)  # registers 2D to 87
IDENTITY = bytes.fromhex("eacc")
ACTIVE_HIGH = 0x01
GO, STOP = 0x40, 0x00
SIGNALS = {  # phase timeout, laser periods A and B, highest phase, windows and first phases
    "long": (0x0A, 0x0F, 0x0D, 0xB8, bytes.fromhex("0f0d0e0e")),
    "short": (0x14, 0x07, 0x05, 0x38, bytes.fromhex("07050606")),
}
BUDGETS = {  # ms: the timeouts A and B
    "long": {20: (0x1E, 0x22), 33: (0x60, 0x6E), 50: (0xAD, 0xC6), 100: (0x1CC, 0x1EA), 200: (0x2D9, 0x2F8),
             500: (0x48F, 0x4A4)},
    "short": {15: (0x1D, 0x27), 20: (0x51, 0x6E), 33: (0xD6, 0x6E), 50: (0x1AE, 0x1E8), 100: (0x2E1, 0x388),
              200: (0x3E1, 0x496), 500: (0x591, 0x5C1)},
}  # fmt: skip
WHOLE = bytes([199, 0xFF])  # centre of the region of interest, its height and width less one
ZONES = (bytes([167, 0xF7]), bytes([231, 0xF7]))  # the two halves: 16 high, 8 wide
STATUS = {3: 5, 4: 2, 5: 4, 6: 1, 7: 7, 8: 3, 9: 0, 12: 9, 13: 13, 18: 10, 19: 6, 22: 11, 23: 12}
VALID, NO_SIGNAL, OUT_OF_BOUNDS, HARDWARE, WRAPPED = 0, 2, 4, 5, 7
MET_NOTHING = (NO_SIGNAL, OUT_OF_BOUNDS, WRAPPED)
DEFAULT_S, SETTLE_S, POLL_S, POLLS = 0.1, 0.004, 0.002, 30


def _question(register: int, count: int) -> WriteRead:
    return WriteRead(register.to_bytes(2, "big"), count)


def _order(register: int, content: bytes) -> Write:
    return Write(register.to_bytes(2, "big") + content)


# What every look says, ten times a second: made once.
TIMING, REGION, READY, SAID = _question(RANGE, 6), _question(ROI, 2), _question(POLARITY, 2), _question(RESULT, 15)
FORGET, BEGIN, END = (_order(register, bytes([value])) for register, value in ((CLEAR, 1), (MODE, GO), (MODE, STOP)))
LOOK_AT = {region: _order(ROI, region) for region in ZONES}


class VL53L1X(Windowed, I2CDriver):
    """A distance (m); or people in and out; or whether a spot is taken, for which share of the time, and arrivals."""

    name = "vl53l1x"
    title = "ST VL53L1X: distance, people through a door, parking"
    datasheet = "https://www.st.com/resource/en/datasheet/vl53l1x.pdf"
    default_address = 0x29
    addresses = (0x29,)
    max_hz = 400_000
    measures: tuple[Quantity, ...] = (Quantity.DISTANCE,)
    settings = (
        Setting("mode", "distance", "what it is there for", ("distance", "passage", "parking")),
        Setting("range", "long", "long: 4 m in the dark; short: 1.3 m, also in the sun", ("long", "short")),
        Setting("budget_ms", 33, "how long one measurement takes; 15 in short range only", (15, *BUDGETS["long"])),
        Setting("near", 1.2, "nearer than so many metres is somebody or a car", (), 0.04, 4.0),
        Setting("hysteresis", 0.1, "metres beyond that until it has gone again", (), 0.0, 2.0),
        Setting("most_s", 5.0, "passage: who stands still for longer is forgotten", (), 0.1, 3600.0),
        Setting("turned", False, "passage: in and out change places"),
        Setting("hold_s", 10.0, "parking: taken when something is near for so long", (), 0.0, 600.0),
        Setting("free_s", 10.0, "parking: free when nothing is near for so long", (), 0.0, 600.0),
    )
    still_s = 86_400.0  # a wall stands still, and so does a parked car
    totals = ("_total",)
    bus_bytes = 174  # in passage, where a look is two

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._mode, self._range = str(self.chosen["mode"]), str(self.chosen["range"])
        self._budget_ms = int(self.chosen["budget_ms"])
        if self._budget_ms not in BUDGETS[self._range]:
            raise ValueError(f"vl53l1x.budget_ms {self._budget_ms} is too short for a {self._range} range")
        self.counts_people = self._mode == "passage"
        self.must_window = self._mode != "distance"
        self.opens = ("_count", "_spot") if self._mode == "parking" else ("_count",)
        self._timing = self._timed()
        self.window_look_s = 1.0 if self._mode == "parking" else max(0.1, 2.5 * self._budget_ms / 1_000)
        self._count = dict.fromkeys(self._begin(), 0)
        self._total = dict(self._count)
        self._sum_m, self._summed = 0.0, 0

    def _begin(self) -> tuple[str, ...]:
        """Lay out what the mode needs; the channels that it counts."""
        near, hysteresis, most_s, hold_s, free_s = (
            float(self.chosen[name]) for name in ("near", "hysteresis", "most_s", "hold_s", "free_s"))  # fmt: skip
        gap_us = 10 * self.window_look_s * MICRO
        self._gate = Gate([Nearness(near, hysteresis) for _ in ZONES], most_s * MICRO, gap_us)
        self._spot = Spot(Nearness(near, hysteresis), hold_s * MICRO, free_s * MICRO, gap_us)
        self._looks = Looks(gap_us / MICRO, self.still_s)
        self._said = b""  # the bytes of the last result: they tremble, unless the chip looks no more
        if self._mode == "passage":
            self.measures = (Quantity.COUNT, Quantity.COUNT_TOTAL)
            return ("in", "out")
        if self._mode == "parking":
            self.measures = (Quantity.OCCUPANCY, Quantity.PRESENCE, Quantity.COUNT, Quantity.COUNT_TOTAL)
            return ("",)
        return ()

    def setup(self) -> Talk[None]:
        if (model := (yield from _ask(MODEL, 2))) != IDENTITY:
            raise WrongChip(f"expected a VL53L1X, found a chip with id {model.hex()}")
        yield from _started()
        yield from _tell(MODE, STOP)
        yield _order(BLOCK, DEFAULTS)
        yield from _tell(MODE, GO)
        yield from _finished(DEFAULT_S)
        yield from _tell(CLEAR, 1)
        yield from _tell(MODE, STOP)
        yield from _tell(LOOP_BOUND, 0x09)
        yield from _tell(START_TEMPERATURE, 0x00)
        yield from self._configure()

    def _configure(self) -> Talk[None]:
        """Range, time and region, written and read back."""
        timeout, _, _, high, phases = SIGNALS[self._range]
        region = ZONES[0] if self._mode == "passage" else WHOLE
        for register, content in ((PHASE_TIMEOUT, bytes([timeout])), (PHASE_HIGH, bytes([high])), (PHASES, phases),
                                  (ROI, region), (RANGE, self._timing)):  # fmt: skip
            yield _order(register, content)
            if (yield from _ask(register, len(content))) != content:
                raise DeviceFault(f"the chip does not keep what is written to register {register:02X}")

    def _timed(self) -> bytes:
        """Registers 5E to 63: timeout A, laser period A, timeout B, laser period B."""
        _, period_a, period_b, _, _ = SIGNALS[self._range]
        a, b = BUDGETS[self._range][self._budget_ms]
        return a.to_bytes(2, "big") + bytes([period_a]) + b.to_bytes(2, "big") + bytes([period_b])

    def read(self) -> Talk[list[Reading]]:
        """The distance. Raises NotMeasured when nothing is within reach. People and cars leave by `close` alone."""
        if self._mode == "passage":
            return (yield from self._both())
        status, met_m = yield from self._look(WHOLE)
        if self._mode == "distance":
            return [self._distance(status, met_m)]
        if status == VALID or status in MET_NOTHING:
            self._looks.look(self.at_us, self._said)
            self._count[""] += self._spot.look(self.at_us, met_m)
        return []

    def _both(self) -> Talk[list[Reading]]:
        said = b""
        for zone, region in enumerate(ZONES):
            status, met_m = yield from self._look(region)
            if status == VALID or status in MET_NOTHING:
                said += self._said
                if way := self._gate.look(self.at_us, 1 - zone if self.chosen["turned"] else zone, met_m):
                    self._count[way] += 1
        if said:
            self._looks.look(self.at_us, said)
        return []

    def _distance(self, status: int, met_m: float | None) -> Reading:
        if met_m is None:
            raise NotMeasured(f"no valid range: the chip gives status {status}")
        self._looks.look(self.at_us, self._said)
        self._sum_m, self._summed = self._sum_m + met_m, self._summed + 1
        return Reading(Quantity.DISTANCE, met_m)

    def _look(self, region: bytes) -> Talk[tuple[int, float | None]]:
        """One measurement: its status in ST's numbers, and the distance (m) where it is valid."""
        if (yield from answered(TIMING)) != self._timing:
            raise NotReady("the chip lost its settings: it was without power")
        if region is not WHOLE:
            yield LOOK_AT[region]
        yield FORGET
        yield BEGIN
        yield from _finished(self._budget_ms / 1_000)
        held = self._said = yield from _held()
        kept = yield from answered(REGION)
        yield FORGET
        yield END
        if kept != region:
            raise NotReady("the chip does not look where it was told to")
        return _judged(alive(RESULT, held))

    def probe(self) -> Talk[bool]:
        try:
            return (yield from _ask(MODEL, 2)) == IDENTITY
        except DriverError:
            return False

    def lost(self, looks: int) -> None:
        self._looks.lost()
        self._gate.lost()
        self._spot.lost()

    def close(self, at_us: int) -> list[Reading]:
        """What the mode is for; nothing when no look succeeded. A distance is the mean of the window's."""
        flags, share = self._looks.close(at_us), self._spot.close(at_us)
        mean = self._sum_m / self._summed if self._summed else None
        counted, self._count = self._count, dict.fromkeys(self._count, 0)
        self._sum_m, self._summed = 0.0, 0
        self._total = {way: self._total[way] + count for way, count in counted.items()}
        if flags is None:
            return []
        said = [] if mean is None else [Reading(Quantity.DISTANCE, mean, flags=flags)]
        if self._mode == "parking" and share is not None:
            said += [Reading(Quantity.OCCUPANCY, share, flags=flags),
                     Reading(Quantity.PRESENCE, float(bool(self._spot.taken)), flags=flags)]  # fmt: skip
        said += [Reading(Quantity.COUNT, float(count), way, flags) for way, count in counted.items()]
        return said + [Reading(Quantity.COUNT_TOTAL, float(total), way) for way, total in self._total.items()]


def _ask(register: int, count: int) -> Talk[bytes]:
    return (yield from answered(_question(register, count)))


def _tell(register: int, value: int) -> Talk[None]:
    yield _order(register, bytes([value]))


def _started() -> Talk[None]:
    for _ in range(3):
        if (yield from _ask(BOOTED, 1))[0] & 1:
            return
        yield Pause(POLL_S)
    raise NotReady("the chip does not start")


def _finished(expected_s: float) -> Talk[None]:
    """Wait for a result, seen twice in a row. Raises NotReady."""
    yield Pause(expected_s + SETTLE_S)
    seen = 0
    for _ in range(POLLS):
        polarity, state = yield from answered(READY)
        if polarity != ACTIVE_HIGH:
            raise NotReady("the chip lost its settings: it was without power")
        seen = seen + 1 if state & 1 else 0
        if seen == 2:
            return
        if not seen:
            yield Pause(POLL_S)
    raise NotReady("the chip does not finish its measurement")


def _held() -> Talk[bytes]:
    """A result, told twice in a row; the chip goes on, so the next may come between two readings of it."""
    before = yield from answered(SAID)
    for _ in range(2):
        held = yield from answered(SAID)
        if held == before:
            return held
        before = held
    raise ChecksumError("no two readings of the result are the same: the bus flips bits")


def _judged(held: bytes) -> tuple[int, float | None]:
    """Status and distance of the result's fifteen registers. Raises DeviceFault for a fault of the chip's own."""
    status = STATUS.get(held[0] & 0x1F, 255)
    if status == HARDWARE:
        raise DeviceFault("the chip reports a fault of its hardware")
    return status, int.from_bytes(held[13:15], "big") / 1_000 if status == VALID else None
