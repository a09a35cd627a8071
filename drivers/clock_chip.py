"""What battery-backed clock chips have in common: a calendar in binary-coded decimals, and doubt.

Such a chip has no checksum and says no more than whole seconds. So it is asked until two answers in a row are the
same (it may tick between two of them, not twice), each digit is judged, and the time is told as the middle of its
second. A chip that says itself that it lost the time, holds no date, or stands still between two readings tells none;
one that measures nothing besides and stands still is faulty, for its silence would be taken for patience.

How wrong it is hangs on when it was set, which the chip does not know. While this driver lives it does: then the
crystal's error since that moment counts, else the setting `drift_s`. The century bit is read differently by the makers
of software and is left alone: the years are 2000 to 2099.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault
from drivers.register_chip import alive
from drivers.setting import Chosen
from drivers.steady import steady
from drivers.talk import Pause, Talk
from drivers.timepiece import Timepiece, Told

HALF_SECOND_MS, TALK_MS = 500, 100  # seconds are whole; a talk takes its time
STANDS_US = 2_000_000
FIRST_YEAR, LAST_YEAR = 2000, 2099


def digits(byte: int) -> int:
    """Two decimal digits; -1 when they are none."""
    tens, ones = byte >> 4, byte & 0x0F
    return tens * 10 + ones if tens < 10 and ones < 10 else -1


def coded(number: int) -> int:
    """A number below 100 as two decimal digits."""
    return number // 10 << 4 | number % 10


def unix_ms(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """The time of a calendar whose years begin with 2000, in UTC; None for a date that there is not."""
    if year < 0:
        return None
    try:
        moment = datetime(FIRST_YEAR + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return round(moment.timestamp()) * 1_000


def calendar(at_ms: int) -> datetime:
    """The calendar of a Unix time. Raises ValueError for one that the chip can not hold."""
    moment = datetime.fromtimestamp(at_ms // 1_000, UTC)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"a clock chip holds the years {FIRST_YEAR} to {LAST_YEAR}, not {moment.year}")
    return moment


def ticking(first: int, count: int) -> Talk[bytes]:
    """Registers of which some count on. Raises ChecksumError, FramingError, BusFault."""
    return alive(first, (yield from steady(first, count)))


class ClockChip(Timepiece, I2CDriver):
    """A clock chip: subclasses say how its registers are read and written."""

    drift_ppm: ClassVar[float]
    still_s = 6 * 3600.0

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._set_us: int | None = None  # when this driver set it
        self._before: tuple[int, int] | None = None  # what it says, and since when
        self.stands = False  # it said the same as the last time, long ago

    def tell(self, said_ms: int | None) -> None:
        """Note what the chip says, None when it does not know, as `told`."""
        if said_ms is None or self._before is None or self._before[1] != said_ms:
            self._before = None if said_ms is None else (self.at_us, said_ms)
        self.stands = self._before is not None and self.at_us - self._before[0] > STANDS_US
        self.told = None
        if said_ms is None:
            self._set_us = None
        elif not self.stands:
            self.told = Told(said_ms + HALF_SECOND_MS, self._uncertainty_ms(), "rtc")

    def _uncertainty_ms(self) -> int:
        if self._set_us is None:
            drift_ms = float(self.chosen["drift_s"]) * 1_000
        else:
            drift_ms = (self.at_us - self._set_us) * self.drift_ppm / 1e9
        return HALF_SECOND_MS + TALK_MS + round(drift_ms)

    def set_time(self, unix_ms: int) -> Talk[None]:
        """Set it at the beginning of the next second. Raises ValueError for a time that the chip can not hold,
        DeviceFault when it does not take it."""
        next_ms = (unix_ms // 1_000 + 1) * 1_000
        moment = calendar(next_ms)
        yield from self.prepare()
        yield Pause((next_ms - unix_ms) / 1_000)
        yield from self.put(moment)
        said_ms = yield from self.said()
        if said_ms is None or not 0 <= said_ms - next_ms <= 1_000:
            raise DeviceFault("the clock did not take the time that it was set to")
        self._set_us, self._before = self.at_us, None

    def prepare(self) -> Talk[None]:
        """Whatever must be done before the moment comes."""
        yield from ()

    def put(self, moment: datetime) -> Talk[None]:
        """Write this calendar, now, and say that the time is good."""
        raise NotImplementedError

    def said(self) -> Talk[int | None]:
        """What the chip says, in Unix ms; None when it does not know the time."""
        raise NotImplementedError
