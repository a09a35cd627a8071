"""A simulated DS18B20 as Linux prints it: nine bytes of scratchpad, the verdict on their CRC, thousandths of a degree.

Each reading of the file is a conversion at the resolution that is set: 9 to 12 bits, volatile unless 0 is written,
which burns it in. After a brown-out it has not converted: its registers hold 85 °C and 0C in the sixth byte.
"""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Spans, Values
from simulators.chips.file_chip import FileChip

POWER_ON = 0x0550
TRIP = (0x4B, 0x46)


class DS18B20(FileChip):
    """Temperature to 1/16 °C at 12 bits."""

    name = "ds18b20"
    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (-55.0, 125.0)}
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 1 / 32}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 20.0}
    burnt_bits = 12
    burns = 0

    def power_on(self) -> None:
        self.bits = self.burnt_bits
        self._lost_power = self.now_us() > 0

    def text(self) -> bytes:
        if self.faults.sda_stuck:
            return printed(bytes(9))
        data = self._scratchpad()
        if self.faults.wrong_chip_id is not None:
            data = data[:4] + b"\xff" + data[5:]  # a DS18S20: half degrees, and nothing where the resolution is
        damaged = self.faults.damaged(data + bytes([maxim(data)]))
        return printed(damaged, 500 if self.faults.wrong_chip_id is not None else 62.5)

    def written(self, data: bytes) -> None:
        number = int(data)
        if number == 0:
            self.burnt_bits, self.burns = self.bits, self.burns + 1
        elif 9 <= number <= 12:
            self.bits = number

    def _scratchpad(self) -> bytes:
        reserved = 0x10
        if self._lost_power or self.faults.stuck_busy:
            raw, reserved, self._lost_power = POWER_ON, 0x0C, False
        else:
            step = 1 << (12 - self.bits)
            raw = round(self.sense(Quantity.TEMPERATURE) * 16 / step) * step
            reserved -= raw & 0x0F
        config = (self.bits - 9) << 5 | 0x1F
        return raw.to_bytes(2, "little", signed=True) + bytes([*TRIP, config, 0xFF, reserved, 0x10])


def maxim(data: bytes) -> int:
    """The CRC of 1-Wire, a table of one row: x^8 + x^5 + x^4 + 1, fed from the least significant bit."""
    crc = 0
    for bit in (byte >> at & 1 for byte in data for at in range(8)):
        crc = (crc >> 1) ^ (0x8C if (crc ^ bit) & 1 else 0)
    return crc


def printed(data: bytes, thousandths: float = 62.5) -> bytes:
    """The nine bytes in the words of Linux' w1_therm."""
    row = " ".join(f"{byte:02x}" for byte in data)
    crc = maxim(data[:8])
    value = int(int.from_bytes(data[:2], "little", signed=True) * thousandths)
    return f"{row} : crc={crc:02x} {'YES' if crc == data[8] else 'NO'}\n{row} t={value}\n".encode()
