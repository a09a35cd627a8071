"""What simulated clock chips have in common: time that runs on, in decimals, by a crystal that nobody asked.

The world's time is the handed-in clock plus `epoch_ms`, the Unix time at its zero. A new chip comes with a battery and
the right time; who sets it moves it; a brown-out takes battery and all, and it begins again in the year 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import I2CChip

EPOCH_MS = 1_767_225_600_000  # the beginning of 2026, as the virtual clock has it
DEAD_MS = 946_684_800_000  # the beginning of 2000


def bcd(number: int) -> int:
    """Two decimal digits in one byte."""
    return int(f"{number:02d}", 16)


def plain(byte: int) -> int:
    """What two decimal digits say; a digit above nine counts as it would in the chip: somehow."""
    return (byte >> 4) * 10 + (byte & 0x0F)


class ClockChip(I2CChip):
    """A row of registers, the time among them. Subclasses lay out the calendar."""

    calendar_at: ClassVar[int]
    size: ClassVar[int]

    def __init__(
        self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None, epoch_ms: int = EPOCH_MS
    ) -> None:
        self.loaded: dict[int, int] = {}  # a vector's registers, said instead of the chip's own
        self.epoch_ms = epoch_ms
        super().__init__(now_us, noise)
        self.run_from(epoch_ms + now_us() // 1_000)

    def power_on(self) -> None:
        self._held = bytearray(self.size)
        self._pointer = 0
        self._frozen_ms: int | None = None
        self.run_from(DEAD_MS)

    def run_from(self, unix_ms: int) -> None:
        """It is this time now."""
        self._zero_ms, self._zero_us = unix_ms, self.now_us()

    def running(self) -> bool:
        """Whether its oscillator counts."""
        return True

    def tells_ms(self) -> int:
        """The Unix time that its registers say, to the ms that they do not."""
        if not self.running():
            return self._zero_ms
        now_ms = self._zero_ms + (self.now_us() - self._zero_us) // 1_000
        if self.faults.freeze:
            self._frozen_ms = now_ms if self._frozen_ms is None else self._frozen_ms
            return self._frozen_ms
        self._frozen_ms = None
        return now_ms

    def layout(self, moment: datetime) -> list[int]:
        """The seven registers of the calendar."""
        raise NotImplementedError

    def moment(self, fields: bytes) -> datetime:
        """What the seven registers say. Raises ValueError for no date."""
        raise NotImplementedError

    def _calendar(self) -> bytes:
        return bytes(self.layout(datetime.fromtimestamp(self.tells_ms() // 1_000, UTC)))

    def written(self, data: bytes) -> None:
        if not data:
            return
        self.settle()
        self._pointer = data[0] % self.size
        fields = bytearray(self._calendar())
        for at, value in enumerate(data[1:], self._pointer):
            place = at % self.size
            self.put(place, value)
            if 0 <= place - self.calendar_at < 7:
                fields[place - self.calendar_at] = value
                self._set(bytes(fields))

    def _set(self, fields: bytes) -> None:
        try:
            self.run_from(int(self.moment(fields).timestamp()) * 1_000)
        except ValueError:
            pass  # half of a date; the rest follows

    def given(self, count: int) -> bytes:
        self.settle()
        self._held[self.calendar_at : self.calendar_at + 7] = self._calendar()
        answer = bytes(self._get((self._pointer + at) % self.size) for at in range(count))
        self._pointer = (self._pointer + count) % self.size
        return answer

    def _get(self, register: int) -> int:
        return self.loaded.get(register, self.get(register))

    def get(self, register: int) -> int:
        """What a register says."""
        return self._held[register]

    def put(self, register: int, value: int) -> None:
        """What a write to a register does; the calendar is taken care of."""
        self._held[register] = value

    def settle(self) -> None:
        """Do what has become due since the last transfer."""

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "regs":
            return super().take(name, value, door)
        for first, content in value.items():
            for at, byte in enumerate(bytes.fromhex(content), int(first, 0)):
                self.loaded[at % self.size] = byte
        return None
