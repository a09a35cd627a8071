"""A simulated SPS30: asleep, idle or measuring; one measurement a second, as float or as whole numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import MICRO, Spans, Values
from simulators.chips.command_chip import Answer, CommandChip, Handler

MASS = (Quantity.PM1, Quantity.PM2_5, Quantity.PM4, Quantity.PM10)
NUMBER = (Quantity.NC_PM0_5, Quantity.NC_PM1, Quantity.NC_PM2_5, Quantity.NC_PM4, Quantity.NC_PM10)
FLOAT, WHOLE = 0x0300, 0x0500
WAKE = bytes.fromhex("1103")
WAKE_WINDOW_US = 100_000  # the second wake must come within
TYPICAL_SIZE_UM = 0.55
FAN_SPEED, LASER, FAN = 1 << 21, 1 << 5, 1 << 4


def text(characters: str, words: int) -> list[int]:
    """An ASCII text as words, two characters each, filled up with NUL."""
    raw = characters.encode("ascii").ljust(2 * words, b"\0")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, 2 * words, 2)]


class SPS30(CommandChip):
    """Particulate matter at 0x69."""

    name = "sps30"
    address = 0x69
    addresses = (0x69,)
    spans: ClassVar[Spans] = {**dict.fromkeys(MASS, (0.0, 1000.0)), **dict.fromkeys(NUMBER, (0.0, 3000.0))}
    resolves: ClassVar[Values] = dict.fromkeys(MASS + NUMBER, 0.001)  # as float; 1 as whole numbers
    rests: ClassVar[Values] = {
        **dict(zip(MASS, (4.0, 6.0, 7.0, 8.0), strict=True)),
        **dict(zip(NUMBER, (25.0, 30.0, 31.0, 31.5, 31.8), strict=True)),
    }
    serial = "4C414E5441415231"
    firmware = 0x0203
    condition = 0  # the status register: FAN, LASER, FAN_SPEED
    cleaning_s = 604_800  # kept in flash

    def power_on(self) -> None:
        super().power_on()
        self._mode = "idle"
        self._layout = FLOAT
        self._next_us = 0
        self._words: list[int] | None = None
        self._woken_us: int | None = None

    def written(self, data: bytes) -> None:
        if self._mode == "asleep":
            self._wake(data)
        else:
            super().written(data)

    def _wake(self, data: bytes) -> None:
        woken, self._woken_us = self._woken_us, self.now_us()
        if woken is None or self.now_us() - woken > WAKE_WINDOW_US or data != WAKE:
            raise Nack("the interface of the sps30 sleeps")
        self._mode, self._woken_us = "idle", None
        self._ready_us = self.now_us() + 5_000

    def busy(self) -> bool:
        return self.now_us() < self._ready_us

    def commands(self) -> Mapping[int, tuple[float, Handler]]:
        self._measure_if_due()
        both: dict[int, tuple[float, Handler]] = {
            0x8004: (5, self._clean_every), 0xD002: (0, lambda: text("00080000", 4)),
            0xD033: (0, lambda: text(self.serial, 16)), 0xD100: (0, lambda: [self.firmware]),
            0xD206: (0, lambda: [self.condition >> 16, self.condition & 0xFFFF]), 0xD210: (5, lambda: None),
            0xD304: (100, self._reset), 0x0202: (0, lambda: [1 if self._words else 0]), 0x0300: (0, self._take),
        }  # fmt: skip
        if self._mode == "measuring":
            return {**both, 0x0104: (20, self._stop), 0x5607: (5, lambda: None)}
        return {**both, 0x0010: (20, self._start), 0x1001: (5, self._sleep), 0x1103: (5, lambda: None)}

    def _measure_if_due(self) -> None:
        if self._mode != "measuring" or self.now_us() < self._next_us or self.faults.stuck_busy:
            return
        self._next_us += ((self.now_us() - self._next_us) // MICRO + 1) * MICRO
        self._words = self._measured()

    def _measured(self) -> list[int]:
        felt = [self.sense(quantity) for quantity in MASS + NUMBER]
        if self._layout == WHOLE:
            return [*map(round, felt), round(TYPICAL_SIZE_UM * 1_000)]
        return list(struct.unpack(">20H", struct.pack(">10f", *felt, TYPICAL_SIZE_UM)))

    def _start(self, layout: int) -> Answer:
        if layout not in (FLOAT, WHOLE):
            raise Nack(f"the sps30 knows no layout {layout:04X}")
        self._mode, self._layout, self._words = "measuring", layout, None
        self._next_us = self.now_us() + MICRO
        return None

    def _stop(self) -> Answer:
        self._mode, self._words = "idle", None
        return None

    def _take(self) -> Answer:
        words, self._words = self._words, None
        return words

    def _sleep(self) -> Answer:
        self._mode = "asleep"
        return None

    def _clean_every(self, *seconds: int) -> Answer:
        if not seconds:
            return [self.cleaning_s >> 16, self.cleaning_s & 0xFFFF]
        self.cleaning_s = seconds[0] << 16 | seconds[1]
        return None

    def _reset(self) -> Answer:
        self.power_on()
        return None
