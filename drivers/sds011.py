"""Nova SDS011: a laser and a fan that count fine dust, on a serial port.

Wiring: 5 V, GND, and TXD of the sensor to RXD of the Pi (3.3 V levels, safe), RXD to TXD; or its USB adapter, then
name the port by `/dev/serial/by-id/…`. Settings outlive a power cut inside the device. The laser lasts about 8000
hours, so let it sleep: with `working_period = 5` it runs 30 s of every 5 minutes and lasts ten times as long.

A report with both values zero is sent while the fan spins up: it is no measurement.
Source: Nova, Laser Dust Sensor Control Protocol V1.3.
"""

from __future__ import annotations

from drivers.errors import ChecksumError, FramingError, NotReady
from drivers.reading import Quantity, Reading
from drivers.setting import Setting, SettingValue
from drivers.stream import Incomplete, StreamDriver
from drivers.talk import Pause, Talk, Write

HEAD, TAIL = 0xAA, 0xAB
REPORT, REPLY = 0xC0, 0xC5
LENGTH = 10
REPORT_MODE, WORK, PERIOD = 2, 6, 8
ANY_DEVICE = b"\xff\xff"
BETWEEN_COMMANDS_S = 0.2


def command(function: int, value: int) -> bytes:
    """The 19 bytes that set `function` to `value` on any device."""
    body = bytes([function, 1, value]) + bytes(10) + ANY_DEVICE
    return bytes([HEAD, 0xB4]) + body + bytes([sum(body) & 0xFF, TAIL])


class SDS011(StreamDriver):
    """PM2.5 and PM10 once a second, µg/m³ in steps of 0.1."""

    name = "sds011"
    title = "Nova SDS011: fine dust"
    measures = (Quantity.PM2_5, Quantity.PM10)
    decimals = {Quantity.PM2_5: 1, Quantity.PM10: 1}  # noqa: RUF012
    settings = (
        Setting("working_period", 0, "minutes from one 30 s run of the laser to the next; 0 runs always", (), 0, 30),
    )
    warm_up_s = 30.0
    longest = LENGTH
    start = bytes([HEAD])

    def __init__(self, **settings: SettingValue) -> None:
        super().__init__(**settings)
        self.period = int(self.chosen["working_period"])
        self.silence_s = 5.0 + 60.0 * self.period

    def setup(self) -> Talk[None]:
        """Wake it, let it report by itself, set the period."""
        for function, value in ((WORK, 1), (REPORT_MODE, 0), (PERIOD, self.period)):
            yield Write(command(function, value))
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
        """Both values of a report; None for a reply. Raises NotReady while the fan spins up."""
        if frame[1] == REPLY:
            return None
        fine, coarse = (int.from_bytes(frame[at : at + 2], "little") for at in (2, 4))
        if fine == coarse == 0:
            raise NotReady("no measurement yet")
        return [Reading(Quantity.PM2_5, fine / 10), Reading(Quantity.PM10, coarse / 10)]
