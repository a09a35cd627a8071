"""What Bosch's air sensors have in common: BME280, BMP280, and in part BME680 and BME688.

They sit at the same two addresses, so each says by its id who it is; they start alike, and sleep between readings
(forced mode), which keeps them from warming themselves. Temperature and pressure of the BME280 and the BMP280 are
the same arithmetic. Sources: BST-BME280-DS002, BST-BMP280-DS001, BST-BME680-DS001 (double-precision formulas).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.errors import NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity, Reading
from drivers.register_chip import alive, registers, twice
from drivers.talk import Pause, Talk, Write

ID, RESET, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
CALIBRATION = 0x88
RESET_WORD = 0xB6
CHIPS = {0x56: "BMP280", 0x57: "BMP280", 0x58: "BMP280", 0x60: "BME280", 0x61: "BME680 or BME688"}
MEASURING, COPYING = 0x08, 0x01
ASLEEP, FORCED = 0x24, 0x25  # temperature and pressure x1, asleep; the same, measuring once
POLL_S, POLLS = 0.002, 6
SKIPPED = 0x80000
OPERATES = {Quantity.TEMPERATURE: (-40.0, 85.0), Quantity.PRESSURE: (30_000.0, 110_000.0)}
ROUNDING = {Quantity.TEMPERATURE: 0.01, Quantity.PRESSURE: 5.0}  # a value at the very end may fall just outside


@dataclass(frozen=True, slots=True)
class Trim:
    """The factory's trimming of temperature and pressure, by the datasheet's names."""

    t1: int
    t2: int
    t3: int
    p: tuple[int, ...]  # P1 to P9

    @classmethod
    def read(cls, low: bytes) -> Trim:
        """From registers 88..9F (24 bytes)."""
        t1, t2, t3, *p = struct.unpack("<HhhH8h", low)
        return cls(t1, t2, t3, tuple(p))

    def fine(self, ticks: int) -> float:
        """The fine temperature (5120 a degree) that all formulas need, from the 20-bit temperature word."""
        near = (ticks / 16384.0 - self.t1 / 1024.0) * self.t2
        far = ticks / 131072.0 - self.t1 / 8192.0
        return near + far * far * self.t3

    def pascal(self, ticks: int, fine: float) -> float:
        """Pressure in Pa from its 20-bit word. Raises NotMeasured when the calibration makes it meaningless."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self.p
        half = fine / 2.0 - 64000.0
        offset = (half * half * p6 / 32768.0 + half * p5 * 2.0) / 4.0 + p4 * 65536.0
        slope = (1.0 + (p3 * half * half / 524288.0 + p2 * half) / 524288.0 / 32768.0) * p1
        if slope == 0.0:
            raise NotMeasured("the pressure calibration of this chip is empty")
        rough = (1048576.0 - ticks - offset / 4096.0) * 6250.0 / slope
        return rough + (p9 * rough * rough / 2147483648.0 + rough * p8 / 32768.0 + p7) / 16.0


def word20(data: bytes) -> int:
    """A 20-bit word from three bytes. Raises NotMeasured where the chip left the measurement out."""
    ticks = data[0] << 12 | data[1] << 4 | data[2] >> 4
    if ticks == SKIPPED:
        raise NotMeasured("the chip left out at least one of its measurements")
    return ticks


def reading(quantity: Quantity, value: float) -> Reading:
    """Flagged where it lies outside of what the chip can tell: the truth is at least as far out as the value."""
    low, high = OPERATES[quantity]
    inside = low - ROUNDING[quantity] <= value <= high + ROUNDING[quantity]
    return Reading(quantity, value, flags=Flag.NONE if inside else Flag.RANGE)


def identify(wanted: tuple[int, ...]) -> Talk[None]:
    """Raises WrongChip naming who is there instead."""
    chip = (yield from registers(ID, 1))[0]
    if chip not in wanted:
        found = CHIPS.get(chip, f"a chip with id {chip:02X}")
        raise WrongChip(f"expected a {CHIPS[wanted[0]]}, found {found}")


def restart() -> Talk[None]:
    """Reset, and wait until the calibration is copied. Raises NotReady."""
    yield Write(bytes([RESET, RESET_WORD]))
    yield from quiet(COPYING, "the chip does not finish its start")


def quiet(bits: int, otherwise: str) -> Talk[None]:
    """Wait until these bits of the status are gone. Raises NotReady."""
    for _ in range(POLLS):
        yield Pause(POLL_S)
        if not (yield from registers(STATUS, 1))[0] & bits:
            return
    raise NotReady(otherwise)


def block(first: int, count: int) -> Talk[bytes]:
    """Registers that stand still and are never all alike, read twice. Raises ChecksumError, BusFault."""
    return alive(first, (yield from twice(first, count)))
