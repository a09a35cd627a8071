"""A simulated DS3231: a clock with a flag for lost time, and a thermometer that looks every 64 s or when it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.clock_chip import EPOCH_MS, ClockChip, bcd, plain

CONTROL, STATUS, WARM = 0x0E, 0x0F, 0x11
CONV, OSF, EN32K, BSY = 0x20, 0x80, 0x08, 0x04
CONVERSION_US, LAP_US = 125_000, 64_000_000


class DS3231(ClockChip):
    """Time and temperature at 0x68."""

    name = "ds3231"
    hides_busy = True
    address = 0x68
    addresses = (0x68,)
    calendar_at = 0x00
    size = 0x13
    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (-40.0, 85.0)}
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 0.25}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0}

    def __init__(
        self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None, epoch_ms: int = EPOCH_MS
    ) -> None:
        super().__init__(now_us, noise, epoch_ms)
        self._held[STATUS] &= ~OSF

    def power_on(self) -> None:
        super().power_on()
        self._held[CONTROL], self._held[STATUS] = 0x1C, OSF | EN32K
        self._started_us: int | None = self.now_us()
        self._lap_us = self.now_us()

    def layout(self, moment: datetime) -> list[int]:
        year = moment.year - 2000
        hours = bcd(moment.hour)
        if self._held[2] & 0x40:
            hours = 0x40 | (0x20 if moment.hour >= 12 else 0) | bcd((moment.hour - 1) % 12 + 1)
        month = bcd(moment.month) | (0x80 if year >= 100 else 0)
        date = (moment.isoweekday(), bcd(moment.day), month, bcd(year % 100))
        return [bcd(moment.second), bcd(moment.minute), hours, *date]

    def moment(self, fields: bytes) -> datetime:
        second, minute, hours, _, day, month, year = fields
        hour = plain(hours & 0x3F)
        if hours & 0x40:
            hour = plain(hours & 0x1F) % 12 + (12 if hours & 0x20 else 0)
        century = 2100 if month & 0x80 else 2000
        return datetime(century + plain(year), plain(month & 0x1F), plain(day), hour, plain(minute), plain(second),
                        tzinfo=UTC)  # fmt: skip

    def put(self, register: int, value: int) -> None:
        if register == STATUS:
            flags = self._held[STATUS] & value & (OSF | 0x03)  # flags can be cleared and not set
            self._held[STATUS] = flags | value & EN32K
        elif register == CONTROL:
            self._held[CONTROL] = value
            if value & CONV and self._started_us is None:
                self._started_us = self.now_us()
        elif register < WARM:
            super().put(register, value)

    def get(self, register: int) -> int:
        if register == STATUS:
            if self.faults.wrong_chip_id is not None:
                return self.faults.wrong_chip_id
            return self._held[STATUS] | (BSY if self._started_us is not None else 0)
        return super().get(register)

    def settle(self) -> None:
        """Finish the conversion that is due, and begin the one of every 64 s."""
        now_us = self.now_us()
        if self._started_us is None and now_us - self._lap_us >= LAP_US:
            self._lap_us += (now_us - self._lap_us) // LAP_US * LAP_US
            self._started_us = self._lap_us
        if self._started_us is None or self.faults.stuck_busy or now_us - self._started_us < CONVERSION_US:
            return
        quarters = round(self.sense(Quantity.TEMPERATURE) * 4)
        self._held[WARM : WARM + 2] = (quarters << 6 & 0xFFFF).to_bytes(2, "big")
        self._held[CONTROL] &= ~CONV
        self._started_us = None
