"""A simulated ENS160: deep sleep at power-on, data each second in standard mode, validity by age.

It warms up for three minutes after each start; `young` makes it one in the first hour of its life. What it was told of
the climate stands in its registers and changes nothing: the oxides themselves are not simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import MICRO, I2CChip, Spans, Values

PART_ID, OPMODE, CONFIG, COMMAND, TEMP_IN, RH_IN = 0x00, 0x10, 0x11, 0x12, 0x13, 0x15
STATUS, AQI, TVOC, ECO2, TEMP_USED, GPR = 0x20, 0x21, 0x22, 0x24, 0x30, 0x48
SLEEP, IDLE, STANDARD, RESET = 0x00, 0x01, 0x02, 0xF0
RUNNING, NEW_DATA = 0x80, 0x02
OK, WARMING_UP, STARTING_UP = 0, 1, 2
WARM_US, HOUR_US = 180 * MICRO, 3600 * MICRO
WRITABLE = frozenset(range(OPMODE, 0x17))
VERSION = (6, 5, 3)


class ENS160(I2CChip):
    """Air quality at 0x52 or 0x53."""

    name = "ens160"
    address = 0x53
    addresses = (0x52, 0x53)
    spans: ClassVar[Spans] = {
        Quantity.AQI_UBA: (1.0, 5.0),
        Quantity.TVOC: (0.0, 65_000.0),
        Quantity.ECO2: (400.0, 65_000.0),
    }
    resolves: ClassVar[Values] = {Quantity.AQI_UBA: 0.5, Quantity.TVOC: 0.5, Quantity.ECO2: 0.5}
    rests: ClassVar[Values] = {Quantity.AQI_UBA: 2.0, Quantity.TVOC: 52.0, Quantity.ECO2: 420.0}
    young = False

    def power_on(self) -> None:
        self._registers = bytearray(256)
        self._registers[PART_ID : PART_ID + 2] = (0x0160).to_bytes(2, "little")
        self._registers[TEMP_IN : TEMP_IN + 4] = bytes.fromhex("8a4a0064")  # 25 °C, 50 %
        self._pointer = 0
        self._started_us: int | None = None
        self._told_seconds = 0
        if not hasattr(self, "loaded"):
            self.loaded: dict[int, int] = {}

    def written(self, data: bytes) -> None:
        self._settle()
        if data:
            self._pointer = data[0]
        for register, value in enumerate(data[1:], data[0] if data else 0):
            self._put(register & 0xFF, value)

    def _put(self, register: int, value: int) -> None:
        if register not in WRITABLE:
            return
        if register == OPMODE and value == RESET:
            self.power_on()
            return
        if register == OPMODE and value != self._registers[OPMODE]:
            self._started_us = self.now_us() if value == STANDARD else None
            self._told_seconds = 0
        self._registers[register] = value
        if register == COMMAND and self._registers[OPMODE] == IDLE:
            self._registers[GPR : GPR + 8] = bytes(4) + bytes(VERSION if value == 0x0E else 3) + b"\0"

    def given(self, count: int) -> bytes:
        self._settle()
        at = [(self._pointer + step) & 0xFF for step in range(count)]
        answer = bytes(self._get(register) for register in at)
        if AQI in at or ECO2 in at:
            self._registers[STATUS] &= ~NEW_DATA & 0xFF
        self._pointer = (self._pointer + count) & 0xFF
        return answer

    def _get(self, register: int) -> int:
        if register == PART_ID and self.faults.wrong_chip_id is not None:
            return self.faults.wrong_chip_id & 0xFF
        if register in self.loaded:
            return self.loaded[register]
        return self._registers[register]

    def _settle(self) -> None:
        """Once a second, counted from the start of measuring, there is something new."""
        if self._started_us is None:
            self._registers[STATUS] = 0
            return
        age_us = self.now_us() - self._started_us
        status = RUNNING | self._validity(age_us) << 2 | self._registers[STATUS] & NEW_DATA
        if age_us // MICRO > self._told_seconds and not self.faults.stuck_busy:
            self._told_seconds = age_us // MICRO
            status |= NEW_DATA
            self._measure()
        self._registers[STATUS] = status

    def _validity(self, age_us: int) -> int:
        if self.young and age_us < HOUR_US:
            return STARTING_UP
        return WARMING_UP if age_us < WARM_US else OK

    def _measure(self) -> None:
        self._registers[AQI] = round(self.sense(Quantity.AQI_UBA))
        for register, quantity in ((TVOC, Quantity.TVOC), (ECO2, Quantity.ECO2)):
            self._registers[register : register + 2] = round(self.sense(quantity)).to_bytes(2, "little")
        self._registers[TEMP_USED : TEMP_USED + 4] = self._registers[TEMP_IN : TEMP_IN + 4]

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name != "regs":
            super().take(name, value, door)
            return
        for first, content in value.items():
            for register, byte in enumerate(bytes.fromhex(content), int(first, 0)):
                self.loaded[register & 0xFF] = byte
