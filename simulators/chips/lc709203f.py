"""A simulated LC709203F: SMBus words with their checksum; asleep it refuses the first transfer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.errors import Nack
from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

DEFAULTS = {0x06: 0x0D34, 0x08: 0x0BA6, 0x0B: 0, 0x11: 0x2717, 0x12: 0, 0x13: 8, 0x14: 0, 0x15: 2, 0x16: 0}
WRITABLE = (0x06, 0x07, 0x08, 0x0A, 0x0B, 0x0C, 0x12, 0x13, 0x14, 0x15, 0x16)
TEMPERATURE, VOLTAGE, PERCENT, LEVEL, POWER, MODE = 0x08, 0x09, 0x0D, 0x0F, 0x15, 0x16
READ, WRITE = 0x17, 0x16  # the address with its direction bit


def pec(data: bytes) -> int:
    """The SMBus checksum, by a table of one nibble: another way than the driver's."""
    crc = 0
    for byte in data:
        for nibble in (byte >> 4, byte & 0xF):
            crc = (crc << 4 & 0xFF) ^ TABLE[crc >> 4 ^ nibble]
    return crc


TABLE = (0x00, 0x07, 0x0E, 0x09, 0x1C, 0x1B, 0x12, 0x15, 0x38, 0x3F, 0x36, 0x31, 0x24, 0x23, 0x2A, 0x2D)


class LC709203F(I2CChip):
    """Voltage, battery level and temperature at 0x0B."""

    name = "lc709203f"
    address = 0x0B
    addresses = (0x0B,)
    spans: ClassVar[Spans] = {
        Quantity.VOLTAGE: (2.5, 4.5), Quantity.BATTERY_LEVEL: (0.0, 100.0), Quantity.TEMPERATURE: (-19.9, 60.0),
    }  # fmt: skip
    resolves: ClassVar[Values] = {
        Quantity.VOLTAGE: 0.0005, Quantity.BATTERY_LEVEL: 0.05, Quantity.TEMPERATURE: 0.05,
    }  # fmt: skip
    rests: ClassVar[Values] = {Quantity.VOLTAGE: 3.9, Quantity.BATTERY_LEVEL: 70.0, Quantity.TEMPERATURE: 18.0}

    def power_on(self) -> None:
        self.words = dict(DEFAULTS)
        self._command = 0
        self._dozes = True
        self.loaded: dict[int, bytes] = getattr(self, "loaded", {})  # a vector's answers

    def transfer(self, data: bytes | None, count: int) -> bytes:
        if self.faults.browned_out():
            self.power_on()
        if self.faults.stuck_busy:
            raise Nack("the lc709203f hangs")
        if self._dozes and not self.faults.unplug:
            self._dozes = False
            raise Nack("the lc709203f wakes up")
        return super().transfer(data, count)

    def written(self, data: bytes) -> None:
        if data:
            self._command = data[0]
        if len(data) == 4 and pec(bytes([WRITE]) + data[:3]) == data[3] and self._command in WRITABLE:
            self.words[self._command] = int.from_bytes(data[1:3], "little")
            self._dozes = self._command == POWER and data[1] == 2

    def given(self, count: int) -> bytes:
        answer = self.loaded.get(self._command) or self._answer()
        return answer[:count].ljust(count, b"\xff")

    def _answer(self) -> bytes:
        word = (0xFFFF if self.faults.saturate else self._measured()).to_bytes(2, "little")
        return word + bytes([pec(bytes([WRITE, self._command, READ]) + word)])

    def _measured(self) -> int:
        if self._command == VOLTAGE:
            return round(self.sense(Quantity.VOLTAGE) * 1_000) if self.words[POWER] == 1 else 0
        if self._command in (LEVEL, PERCENT):
            return round(self.sense(Quantity.BATTERY_LEVEL) * (10 if self._command == LEVEL else 1))
        if self._command == TEMPERATURE and self.words[MODE]:
            return round(self.sense(Quantity.TEMPERATURE) * 10 + 2731.5)
        return self.words.get(self._command, 0)

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "regs":
            return super().take(name, value, door)
        self.loaded.update({int(first, 0): bytes.fromhex(content) for first, content in value.items()})
        return None
