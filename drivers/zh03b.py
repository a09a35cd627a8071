"""Winsen ZH03B (and ZH06-I): a laser and a fan that measure fine dust, on a serial port.

Wiring: 5 V, GND, TX to RXD of the Pi (3.3 V levels), RX to TXD for rest and wake-up. It is left in its upload mode,
in which it speaks once a second unasked under a 16-bit sum, and in which it wakes after a loss of power: nothing can be
misunderstood then. What it answers to questions of somebody else (9 bytes, an 8-bit sum) is understood as well.

With `rest = true` on the board the laser sleeps between readings that lie far apart. Frames that are all zero are sent
before anything is measured. Source: Winsen ZH03B manual V2.1.
"""

from __future__ import annotations

from drivers.errors import ChecksumError, FramingError, NotReady
from drivers.mhz19 import checksum, command
from drivers.reading import Quantity, Reading
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Pause, Talk, Write

UPLOAD_HEAD, UPLOAD_LENGTH = b"\x42\x4d\x00\x14", 24
ANSWER_HEAD, ANSWER_LENGTH = 0xFF, 9
READ, MODE, SLEEP = 0x86, 0x78, 0xA7
UPLOAD = 0x40
BETWEEN_COMMANDS_S = 0.2
UPLOADED = ((Quantity.PM1, 10), (Quantity.PM2_5, 12), (Quantity.PM10, 14))
ANSWERED = ((Quantity.PM1, 6), (Quantity.PM2_5, 2), (Quantity.PM10, 4))


class ZH03B(StreamDriver):
    """PM1, PM2.5 and PM10 once a second, whole µg/m³."""

    name = "zh03b"
    title = "Winsen ZH03B: fine dust"
    datasheet = "https://www.winsen-sensor.com/sensors/dust-sensor/zh3b.html"
    measures = (Quantity.PM1, Quantity.PM2_5, Quantity.PM10)
    decimals = dict.fromkeys(measures, 0)
    warm_up_s = 30.0
    can_rest = True
    still_s = 86_400.0  # whole micrograms: clean air may stand at one of them for hours
    longest = UPLOAD_LENGTH
    start = b"\x42\xff"  # two kinds of frame

    def setup(self) -> Talk[None]:
        """Wake it, let it speak by itself."""
        for function, value in ((SLEEP, 0), (MODE, UPLOAD)):
            yield Write(command(function, value))
            yield Pause(BETWEEN_COMMANDS_S)

    def rest(self) -> Talk[None]:
        """Let the laser and the fan sleep."""
        yield Write(command(SLEEP, 1))

    def frame(self, buffer: bytearray) -> int:
        """`42 4D`, length, data, their sum; or `FF`, function, six bytes, their checksum."""
        if buffer[0] == ANSWER_HEAD:
            return _answer(buffer)
        if not UPLOAD_HEAD.startswith(buffer[:4]) and not buffer.startswith(UPLOAD_HEAD):
            raise FramingError("no frame begins so")
        if len(buffer) < UPLOAD_LENGTH:
            raise Incomplete
        if sum(buffer[:22]) & 0xFFFF != int.from_bytes(buffer[22:24], "big"):
            raise ChecksumError("the sum of the frame does not fit")
        return UPLOAD_LENGTH

    def decode(self, frame: bytes) -> list[Reading] | None:
        """Three masses; None for what answers a command. Raises NotReady while all are zero."""
        if frame[0] == ANSWER_HEAD and frame[1] != READ:
            return None
        places = UPLOADED if frame[0] != ANSWER_HEAD else ANSWERED
        masses = {quantity: int.from_bytes(frame[at : at + 2], "big") for quantity, at in places}
        if not any(masses.values()):
            raise NotReady("no measurement yet")
        return [Reading(quantity, float(mass)) for quantity, mass in masses.items()]


def _answer(buffer: bytearray) -> int:
    if len(buffer) > 1 and buffer[1] not in (READ, MODE, SLEEP):
        raise FramingError("no answer begins so")
    if len(buffer) < ANSWER_LENGTH:
        raise Incomplete
    if checksum(bytes(buffer[1:8])) != buffer[8]:
        raise ChecksumError("the answer does not fit its checksum")
    return ANSWER_LENGTH
