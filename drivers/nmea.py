"""A GPS receiver that speaks NMEA 0183: the time for a node without a clock, and the place of one that moves.

Wiring: 3.3 V or 5 V as the module says, GND, TX to RXD of the Pi (RX only if it must be told things, which we do not).
9600 baud; u-blox M10 modules come with 38400. Any talker will do (GP, GN, GL, GA, GB). Of the many sentences two are
read: RMC for time and place, GGA for place and height. Each carries a sum and is refused without one. A `$` begins a
sentence anew; u-blox's binary frames in between are skipped whole.

**Time** is told by an RMC with a valid fix. It is the time of a second that began before the sentence was sent, so it
is late by what the receiver and the line need: `uncertainty_ms` says by how much at most. A receiver whose time
stands still while ours goes on hangs: its place is flagged STALE and its time is told no more.
**Place** leaves only with `position = true`, which `edge check` allows for mobile nodes alone.

Without a fix there are no values; that is counted as not_measured once a second, and fields that are empty are no
damage. Sources: NMEA 0183 4.10 as u-blox describes it (reference 3); vectors pub-060 and pub-061.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from drivers.driver import SerialLine
from drivers.errors import ChecksumError, FramingError, NotMeasured
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.stream import Incomplete, StreamDriver
from drivers.timepiece import Timepiece, Told

UBX = b"\xb5\x62"
LONGEST_SENTENCE = 128  # the standard says 82; receivers say more
SEALED = re.compile(rb"\$([ -#%-)+-~]*)\*([0-9A-Fa-f]{2})")
STANDS_S = 5.0  # a receiver whose time is the same for longer than this hangs
ANGLE = re.compile(r"(\d{2,3})(\d{2}(?:\.\d{1,9})?)")
TIME = re.compile(r"(\d{2})(\d{2})(\d{2})(?:\.(\d{1,6}))?")
DATE = re.compile(r"(\d{2})(\d{2})(\d{2})")
HEIGHT = re.compile(r"-?\d{1,5}(?:\.\d{1,4})?")
FIXED = "ADFPR"  # modes with a fix from satellites: autonomous, differential, float, precise, real time kinematic
FIXES = ("1", "2", "3", "4", "5", "9")  # qualities of GGA with one; 6, 7, 8: estimated, by hand, simulated
CENTURY = 80  # two-digit years from here on are of the last century


class NMEA(Timepiece, StreamDriver):
    """Latitude, longitude, altitude; and the time."""

    name = "nmea"
    title = "GPS receiver (NMEA 0183): time and place"
    datasheet = "https://content.u-blox.com/sites/default/files/products/documents/u-blox8-M8_ReceiverDescrProtSpec_UBX-13003221.pdf"
    measures = (Quantity.LATITUDE, Quantity.LONGITUDE, Quantity.ALTITUDE)
    settings = (
        Setting("position", True, "tell where it is; only for mobile nodes"),
        Setting("uncertainty_ms", 1000, "how far the time may be off when its sentence is here", (), 10, 10_000),
        Setting("baud", 9600, "speed of the port", (4800, 9600, 19200, 38400, 57600, 115200)),
    )
    still_s = 0.0  # a parked car stands still; a receiver that hangs is told by its time
    longest = 1024
    start = b"$\r\n" + UBX[:1]

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.line = SerialLine(int(self.chosen["baud"]))
        self._height: tuple[str, float] | None = None  # the time of a GGA, and its altitude
        self._time = ""
        self._since_us = 0  # since when the time is that

    def frame(self, buffer: bytearray) -> int:
        """A sentence from `$` to its sum, a binary frame of u-blox, or the end of a line."""
        if buffer[0] in b"\r\n":
            return 1
        if buffer[0] == UBX[0]:
            return _binary(buffer)
        return _sentence(buffer)

    def decode(self, frame: bytes) -> list[Reading] | None:
        """The place that RMC or GGA tell. Raises NotMeasured without a fix, FramingError for fields that are none."""
        if frame[:1] != b"$":
            return None
        kind, *fields = frame[1:-3].decode("ascii").split(",")
        if kind[2:] == "RMC" and len(kind) == 5:
            return self._rmc(fields)
        if kind[2:] == "GGA" and len(kind) == 5:
            return self._gga(fields)
        return None

    def _rmc(self, fields: list[str]) -> list[Reading]:
        if len(fields) < 9:
            raise FramingError("an RMC sentence is too short")
        if fields[1] != "A" or (len(fields) > 11 and fields[11] not in FIXED):
            self.told = None
            raise NotMeasured("the receiver has no fix")
        moment, flags = _moment(fields[0], fields[8]), self._stands(fields[8] + fields[0])
        self.told = None if flags else Told(moment, int(self.chosen["uncertainty_ms"]), "gps")
        place = _place(fields[2:6], flags)
        if self._height is not None and self._height[0] == fields[0]:
            place.append(Reading(Quantity.ALTITUDE, self._height[1], flags=flags))
        return place if self.chosen["position"] else []

    def _stands(self, time: str) -> Flag:
        if time != self._time:
            self._time, self._since_us = time, self.at_us
        return Flag.STALE if self.at_us - self._since_us > STANDS_S * 1_000_000 else Flag.NONE

    def _gga(self, fields: list[str]) -> list[Reading] | None:
        if len(fields) < 10:
            raise FramingError("a GGA sentence is too short")
        if fields[5] not in FIXES:
            self._height = None
            return None  # RMC says that there is no fix
        flags = Flag.STALE if self._time.endswith(fields[0]) and self._stands(self._time) else Flag.NONE
        place = _place(fields[1:5], flags)
        if HEIGHT.fullmatch(fields[8]) and fields[9] == "M":
            self._height = fields[0], float(fields[8])
            place.append(Reading(Quantity.ALTITUDE, self._height[1], flags=flags))
        return place if self.chosen["position"] else []

    def forget(self) -> None:
        super().forget()
        self._height, self.told = None, None


def _sentence(buffer: bytearray) -> int:
    """`$`, printable text, `*`, and the exclusive or of the text as two hexadecimal digits."""
    found = SEALED.match(buffer)
    if found is None:
        if len(buffer) >= LONGEST_SENTENCE or not _hopeful(buffer):
            raise FramingError("the sentence breaks off")
        raise Incomplete
    if found.end() > LONGEST_SENTENCE:
        raise FramingError("no sentence is so long")
    total = 0
    for byte in found[1]:
        total ^= byte
    if total != int(found[2], 16):
        raise ChecksumError("the sum of the sentence does not fit")
    return found.end()


def _hopeful(buffer: bytearray) -> bool:
    """Whether what is here may be the beginning of a sentence."""
    return re.fullmatch(rb"\$[ -#%-)+-~]*(?:\*[0-9A-Fa-f]?)?", buffer) is not None


def _binary(buffer: bytearray) -> int:
    """`B5 62`, class, id, length (low byte first), data, and two sums over all but the first two bytes."""
    if not UBX.startswith(buffer[:2]):
        raise FramingError("no binary frame begins here")
    if len(buffer) < 6:
        raise Incomplete
    length = 8 + int.from_bytes(buffer[4:6], "little")
    if length > NMEA.longest:
        raise FramingError("no binary frame is so long")
    if len(buffer) < length:
        raise Incomplete
    a = b = 0
    for byte in buffer[2 : length - 2]:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    if buffer[length - 2 : length] != bytes([a, b]):
        raise ChecksumError("the sums of the binary frame do not fit")
    return length


def _place(fields: list[str], flags: Flag) -> list[Reading]:
    """Latitude and longitude of `ddmm.mmmm,N,dddmm.mmmm,E`."""
    latitude, longitude = _degrees(fields[0], fields[1], "NS", 90), _degrees(fields[2], fields[3], "EW", 180)
    return [Reading(Quantity.LATITUDE, latitude, flags=flags), Reading(Quantity.LONGITUDE, longitude, flags=flags)]


def _degrees(angle: str, hemisphere: str, known: str, most: float) -> float:
    found = ANGLE.fullmatch(angle)
    if found is None or hemisphere not in known or not hemisphere:
        raise FramingError("a place is no place")
    degrees = int(found[1]) + float(found[2]) / 60
    if degrees > most or float(found[2]) >= 60:
        raise FramingError("a place is not on this world")
    return -degrees if hemisphere == known[1] else degrees


def _moment(time: str, date: str) -> int:
    """Unix time in ms. Raises FramingError for what is no moment."""
    at, on = TIME.fullmatch(time), DATE.fullmatch(date)
    if at is None or on is None:
        raise FramingError("a time is no time")
    day, month, year = (int(part) for part in on.groups())
    hours, minutes, seconds = (int(part) for part in at.groups()[:3])
    if seconds > 60:
        raise FramingError("a time is no time")
    try:
        whole = datetime(year + (1900 if year >= CENTURY else 2000), month, day, hours, minutes, min(seconds, 59),
                         tzinfo=UTC)  # fmt: skip
    except ValueError:
        raise FramingError("a time is no time") from None
    leap = 1 if seconds == 60 else 0
    return (int(whole.timestamp()) + leap) * 1000 + int((at[4] or "0").ljust(3, "0")[:3])
