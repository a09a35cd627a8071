"""A simulated PCF8563: a clock that can be stopped, with a flag for a supply that was too low."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.clock_chip import EPOCH_MS, ClockChip, bcd, plain

CONTROL, SECONDS = 0x00, 0x02
TEST, STOP, VL = 0x80, 0x20, 0x80


class PCF8563(ClockChip):
    """Time at 0x51. `stuck_busy` is an oscillator that does not hold: the flag comes back at once."""

    name = "pcf8563"
    address = 0x51
    addresses = (0x51,)
    calendar_at = SECONDS
    size = 0x10
    spans: ClassVar[Spans] = {}
    resolves: ClassVar[Values] = {}
    rests: ClassVar[Values] = {}

    def __init__(
        self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None, epoch_ms: int = EPOCH_MS
    ) -> None:
        super().__init__(now_us, noise, epoch_ms)
        self._low = False

    def power_on(self) -> None:
        self._low = True
        super().power_on()
        self._held[CONTROL], self._held[0x0D] = 0x08, 0x80

    def running(self) -> bool:
        return not self._held[CONTROL] & (STOP | TEST)

    def layout(self, moment: datetime) -> list[int]:
        low = VL if self._low or self.faults.stuck_busy else 0
        date = (bcd(moment.day), moment.isoweekday() % 7, bcd(moment.month), bcd(moment.year % 100))
        return [bcd(moment.second) | low, bcd(moment.minute), bcd(moment.hour), *date]

    def moment(self, fields: bytes) -> datetime:
        second, minute, hour, day, _, month, year = fields
        return datetime(2000 + plain(year), plain(month & 0x1F), plain(day & 0x3F),
                        plain(hour & 0x3F), plain(minute & 0x7F), plain(second & 0x7F), tzinfo=UTC)  # fmt: skip

    def put(self, register: int, value: int) -> None:
        if register == CONTROL:
            self.run_from(self.tells_ms())  # a stopped clock goes on from where it stood
            value &= 0xA8
        if register == SECONDS:
            self._low = bool(value & VL)
        super().put(register, value)

    def get(self, register: int) -> int:
        if register == CONTROL and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id
        return super().get(register)
