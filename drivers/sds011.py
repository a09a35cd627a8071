"""Nova SDS011: a laser and a fan that count fine dust, on a serial port.

Wiring: 5 V, GND, and TXD of the sensor to RXD of the Pi (3.3 V levels, safe), RXD to TXD; or its USB adapter, then
name the port by `/dev/serial/by-id/…`. Settings outlive a power cut inside the device. The laser lasts about 8000
hours, so let it sleep: with `working_period = 5` it runs 30 s of every 5 minutes and lasts ten times as long, and with
`rest = true` on the board it sleeps between readings that lie far apart.

`setup` wakes it, asks for report mode and period, and writes only what is not so: they are kept in its flash. Every
answer is held against what we want, and a setting that does not stick is counted as device_fault.

A report with both values zero is sent while the fan spins up: it is no measurement. At 999.9 µg/m³
(PM10: 1999.9) it ends, and the truth is at least as high: flagged.
Source: Nova, Laser Dust Sensor Control Protocol V1.3.
"""

from __future__ import annotations

from drivers.errors import ChecksumError, DeviceFault, FramingError, NotReady
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Setting, SettingValue
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Pause, Talk, Write

HEAD, TAIL = 0xAA, 0xAB
REPORT, REPLY = 0xC0, 0xC5
LENGTH = 10
REPORT_MODE, WORK, PERIOD = 2, 6, 8
ANY_DEVICE = b"\xff\xff"
BETWEEN_COMMANDS_S = 0.2
PLACES = ((Quantity.PM2_5, 2, 9_999), (Quantity.PM10, 4, 19_999))  # quantity, where, and where it ends


def command(function: int, value: int, write: bool = True) -> bytes:
    """The 19 bytes that set `function` to `value` on any device, or ask what it is."""
    body = bytes([function, write, value]) + bytes(10) + ANY_DEVICE
    return bytes([HEAD, 0xB4]) + body + bytes([sum(body) & 0xFF, TAIL])


class SDS011(StreamDriver):
    """PM2.5 and PM10 once a second, µg/m³ in steps of 0.1."""

    name = "sds011"
    title = "Nova SDS011: fine dust"
    datasheet = "https://cdn-reichelt.de/documents/datenblatt/X200/SDS011-DATASHEET.pdf"
    measures = (Quantity.PM2_5, Quantity.PM10)
    decimals = {Quantity.PM2_5: 1, Quantity.PM10: 1}  # noqa: RUF012
    settings = (
        Setting("working_period", 0, "minutes from one 30 s run of the laser to the next; 0 runs always", (), 0, 30),
    )
    warm_up_s = 30.0
    can_rest = True
    longest = LENGTH
    start = bytes([HEAD])

    def __init__(self, **settings: SettingValue) -> None:
        super().__init__(**settings)
        self.period = int(self.chosen["working_period"])
        self.silence_s = 5.0 + 60.0 * self.period
        self._wanted = {REPORT_MODE: 0, PERIOD: self.period}
        self._told: dict[int, int] = {}  # what the device answered since the last setup began

    def setup(self) -> Talk[None]:
        """Wake it; let it report by itself and set the period, where it does not say that this is so."""
        self._told.clear()
        yield Write(command(WORK, 1))
        yield Pause(BETWEEN_COMMANDS_S)
        for function in self._wanted:
            yield Write(command(function, 0, write=False))
            yield Pause(BETWEEN_COMMANDS_S)
        for function, value in self._wanted.items():
            if self._told.get(function) != value:
                yield Write(command(function, value))
                yield Pause(BETWEEN_COMMANDS_S)

    def rest(self) -> Talk[None]:
        """Laser and fan off."""
        yield Write(command(WORK, 0))
        yield Pause(BETWEEN_COMMANDS_S)

    def frame(self, buffer: bytearray) -> int:
        """`AA C0|C5`, six bytes, their sum, `AB`."""
        if len(buffer) > 1 and buffer[1] not in (REPORT, REPLY):
            raise FramingError("neither a report nor a reply")
        if len(buffer) < LENGTH:
            raise Incomplete
        if buffer[9] != TAIL:
            raise FramingError("the frame does not end where it must")
        if sum(buffer[2:8]) & 0xFF != buffer[8]:
            raise ChecksumError("the sum of the frame does not fit")
        return LENGTH

    def decode(self, frame: bytes) -> list[Reading] | None:
        """Both values of a report; None for a reply. Raises NotReady while the fan spins up, DeviceFault."""
        if frame[1] == REPLY:
            self._answer(*frame[2:5])
            return None
        steps = [int.from_bytes(frame[at : at + 2], "little") for _, at, _ in PLACES]
        if not any(steps):
            raise NotReady("no measurement yet")
        return [
            Reading(quantity, step / 10, flags=Flag.RANGE if step >= most else Flag.NONE)
            for step, (quantity, _, most) in zip(steps, PLACES, strict=True)
        ]

    def _answer(self, function: int, written: int, value: int) -> None:
        """Keep what the device says it is set to. Raises DeviceFault when it was told otherwise."""
        self._told[function] = value
        if written and self._wanted.get(function, value) != value:
            raise DeviceFault("the device did not keep a setting")
