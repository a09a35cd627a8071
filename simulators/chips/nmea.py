"""A simulated GPS receiver: GGA and RMC once a second, with or without a fix (`stuck_busy`), binary frames in between.

`wall_ms` is the true time when its own time began; `talker` may be another; `binary` puts u-blox's frames between.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.spoken_chip import SpokenChip


class NMEA(SpokenChip):
    """Where it is, to 0.00001 of a minute, and what time it is."""

    name = "nmea"
    spans: ClassVar[Spans] = {
        Quantity.LATITUDE: (-90.0, 90.0), Quantity.LONGITUDE: (-180.0, 180.0), Quantity.ALTITUDE: (-400.0, 9_000.0),
    }  # fmt: skip
    resolves: ClassVar[Values] = {Quantity.LATITUDE: 2e-7, Quantity.LONGITUDE: 2e-7, Quantity.ALTITUDE: 0.1}
    rests: ClassVar[Values] = {Quantity.LATITUDE: 52.0907374, Quantity.LONGITUDE: 5.1214201, Quantity.ALTITUDE: 5.0}
    frame_us = 1_000_000
    wall_ms = 1_767_225_600_000
    talker = "GN"
    binary = False

    def tells_ms(self) -> int:
        """The time of the second that it tells now."""
        now_ms = self.wall_ms + self.now_us() // 1000
        return now_ms - now_ms % 1000

    def spoken(self) -> bytes:
        """The place with its height: one sentence."""
        return self.gga()

    def frame_due(self) -> tuple[bytes, int | None]:
        if not (self.faults.freeze and self._last):
            between = ubx(0x01, 0x07, bytes([0x24]) * 20) if self.binary else b""
            self._last = self.gga() + between + self.rmc() + between + self._sealed("GSV,1,1,00")
        return self._last, self.frame_us

    def rmc(self) -> bytes:
        moment = datetime.fromtimestamp(self.tells_ms() // 1000, UTC)
        if self.faults.stuck_busy:
            return self._sealed("RMC,,V,,,,,,,,,,N")
        return self._sealed(f"RMC,{moment:%H%M%S}.00,A,{self._place()},0.004,77.52,{moment:%d%m%y},,,A,V")

    def gga(self) -> bytes:
        moment = datetime.fromtimestamp(self.tells_ms() // 1000, UTC)
        if self.faults.stuck_busy:
            return self._sealed("GGA,,,,,,0,00,99.99,,,,,,")
        height = f"{self.sense(Quantity.ALTITUDE):.1f}"
        return self._sealed(f"GGA,{moment:%H%M%S}.00,{self._place()},1,08,0.9,{height},M,46.9,M,,")

    def _place(self) -> str:
        latitude, longitude = self.sense(Quantity.LATITUDE), self.sense(Quantity.LONGITUDE)
        north, east = "S" if latitude < 0 else "N", "W" if longitude < 0 else "E"
        return f"{angle(latitude, 2)},{north},{angle(longitude, 3)},{east}"

    def _sealed(self, text: str) -> bytes:
        text = self.talker + text
        total = 0
        for character in text.encode():
            total ^= character
        return f"${text}*{total:02X}\r\n".encode()


def angle(degrees: float, digits: int) -> str:
    """`ddmm.mmmmm`, rounded once so that 60 minutes never stand there."""
    steps = round(abs(degrees) * 60 * 100_000)
    whole, rest = divmod(steps, 60 * 100_000)
    return f"{whole:0{digits}d}{rest / 100_000:08.5f}"


def ubx(kind: int, number: int, data: bytes) -> bytes:
    """A binary frame of u-blox, with its two sums."""
    body = bytes([kind, number]) + len(data).to_bytes(2, "little") + data
    a = b = 0
    for byte in body:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return b"\xb5\x62" + body + bytes([a, b])
