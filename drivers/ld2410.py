"""Hi-Link LD2410: a 24 GHz radar that knows whether somebody is there, moving or sitting still, up to 6 m.

Wiring: 5 V, GND, TX to RXD of the Pi, RX to TXD; 3.3 V levels. It talks at 256000 baud ten times a second, which the
mini-UART of a Pi can not: use a USB adapter, or /dev/ttyAMA0. Boards set to another speed name it in `baud`.

A report has no sum. It has a head, a length, marks inside and a tail, and all of them must fit, with a state and
energies that there can be; still a bit that falls over inside a state is believed, which a share of a window forgives.
With a `window` the looks stay inside and only the share of the time that somebody was there leaves: nobody is counted.
An empty place says the same bytes for ever; a target that is the same to the last digit for ten minutes is a radar
that hangs, and is flagged.

The gates and the sensitivity are set with the maker's app and kept in the radar; `setup` only ends a configuration
that was left open. Source: Hi-Link, LD2410 serial communication protocol V1.02 (reference 6.1).
"""

from __future__ import annotations

from drivers.driver import SerialLine
from drivers.errors import FramingError
from drivers.looks import MICRO, Looks
from drivers.passage import Share
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Pause, Talk, Write
from drivers.window import Windowed

HEAD, TAIL = bytes.fromhex("f4f3f2f1"), bytes.fromhex("f8f7f6f5")
ASK_HEAD, ASK_TAIL = bytes.fromhex("fdfcfbfa"), bytes.fromhex("04030201")
BASIC, ENGINEERING = 2, 1
LENGTHS = {13: BASIC, 35: ENGINEERING}  # bytes between head and tail, of each type of report
MARK, END = 0xAA, b"\x55\x00"
END_CONFIGURATION = 0xFE
LONGEST_ANSWER = 64
GAP_S = 2.0
FROZEN_S = 600.0


def command(function: int, value: bytes = b"") -> bytes:
    """A command frame: head, length, function, value, tail."""
    body = function.to_bytes(2, "little") + value
    return ASK_HEAD + len(body).to_bytes(2, "little") + body + ASK_TAIL


def enclosed(buffer: bytearray, head: bytes, tail: bytes, lengths: range | tuple[int, ...]) -> int:
    """Length of a frame `head, length, data, tail` at the start of the buffer. Raises FramingError, Incomplete."""
    if not head.startswith(buffer[: len(head)]):
        raise FramingError("no frame begins here")
    if len(buffer) < 6:
        raise Incomplete
    length = int.from_bytes(buffer[4:6], "little")
    if length not in lengths:
        raise FramingError("no frame is so long")
    if len(buffer) < 10 + length:
        raise Incomplete
    if buffer[6 + length : 10 + length] != tail:
        raise FramingError("the frame does not end where it must")
    return 10 + length


class LD2410(Windowed, StreamDriver):
    """Whether somebody is there; with a window, for which share of it."""

    name = "ld2410"
    title = "Hi-Link LD2410: radar, somebody there or not"
    datasheet = "https://www.hlktech.net/index.php?id=988"
    measures = (Quantity.PRESENCE, Quantity.OCCUPANCY)
    settings = (
        Setting("baud", 256000, "speed of the port, as the radar was set", (9600, 19200, 38400, 57600, 115200, 230400,
                                                                           256000, 460800)),
        Setting("count_still", True, "somebody who sits still is somebody too; false: only who moves"),
    )  # fmt: skip
    counts_people = True  # not how many, but when
    still_s = 0.0  # an empty place is empty all night; a radar that hangs is told by its bytes
    frozen_s = FROZEN_S
    opens = ("_share",)
    longest = 10 + LONGEST_ANSWER
    start = HEAD[:1] + ASK_HEAD[:1]
    sealed = False

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.line = SerialLine(int(self.chosen["baud"]))
        self._states = (1, 2, 3) if self.chosen["count_still"] else (1, 3)
        self._share = Share(GAP_S * MICRO)
        self._looks = Looks(GAP_S, self.frozen_s)

    def setup(self) -> Talk[None]:
        """End a configuration that was left open; reports begin again."""
        yield Write(command(END_CONFIGURATION))
        yield Pause(0.1)

    def frame(self, buffer: bytearray) -> int:
        """A report, or the answer to a command."""
        if buffer[0] == ASK_HEAD[0]:
            return enclosed(buffer, ASK_HEAD, ASK_TAIL, range(2, LONGEST_ANSWER + 1))
        length = enclosed(buffer, HEAD, TAIL, tuple(LENGTHS))
        if buffer[6] != LENGTHS[length - 10] or buffer[7] != MARK or buffer[length - 6 : length - 4] != END:
            raise FramingError("a mark inside the report is missing")
        return length

    def decode(self, frame: bytes) -> list[Reading] | None:
        """Whether somebody is there. Raises FramingError for a state or an energy that there can not be."""
        if frame[:4] == ASK_HEAD:
            return None
        state = frame[8]
        if state > 3 or frame[11] > 100 or frame[14] > 100:
            raise FramingError("the report holds what the radar can not say")
        there = state in self._states
        flags = self._looks.look(self.at_us, frame if state else b"")
        self._share.tell(self.at_us, None if flags else there)
        return [Reading(Quantity.PRESENCE, float(there), flags=flags)]

    def lost(self, looks: int) -> None:
        self._looks.lost()
        self._share.tell(self.at_us, None)

    def close(self, at_us: int) -> list[Reading]:
        """The share of the window's known time; nothing when nothing is known."""
        share, flags = self._share.close(at_us), self._looks.close(at_us)
        return [] if share is None or flags is None else [Reading(Quantity.OCCUPANCY, share, flags=flags)]
