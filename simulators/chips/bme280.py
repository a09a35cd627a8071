"""A simulated BME280: registers, a factory calibration, and conversions that take their time.

Reads count the register up by themselves; writes do not, they come as pairs of register and value. What the driver
will compute is undone by bisection: for a felt temperature the raw word is sought whose compensated value comes
nearest, then pressure and humidity at that temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drivers.bme280 import SKIPPED, SKIPPED_HUMIDITY, Calibration
from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

ID, RESET, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
MEASURING, COPYING = 0x08, 0x01
SLEEP, NORMAL = 0, 3
COPY_US = 2_000
STANDBY_MS = (0.5, 62.5, 125.0, 250.0, 500.0, 1000.0, 10.0, 20.0)
UNMEASURED = bytes.fromhex("8000008000008000")
BURNT = {  # Bosch's published example, with a humidity part of our own
    0x88: bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b"),
    0xE1: bytes.fromhex("7201001329031e"),
}
WRITABLE = (CTRL_HUM, CTRL_MEAS, CONFIG)


def nearest(wanted: float, low: int, high: int, value: Callable[[int], float]) -> int:
    """The whole number between `low` and `high` whose value comes nearest; `value` runs one way, up or down."""
    rising = value(high) > value(low)
    first, last = low, high
    while last - first > 1:
        middle = (first + last) // 2
        if (value(middle) < wanted) == rising:
            first = middle
        else:
            last = middle
    return min((first, last), key=lambda ticks: abs(value(ticks) - wanted))


class BME280(I2CChip):
    """Temperature, humidity and pressure at 0x76 or 0x77."""

    name = "bme280"
    address = 0x76
    addresses = (0x76, 0x77)
    spans: ClassVar[Spans] = {
        Quantity.TEMPERATURE: (-40.0, 85.0),
        Quantity.HUMIDITY: (0.0, 100.0),
        Quantity.PRESSURE: (30_000.0, 110_000.0),
    }
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 0.006, Quantity.HUMIDITY: 0.008, Quantity.PRESSURE: 2.8}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0, Quantity.HUMIDITY: 60.0, Quantity.PRESSURE: 101_325.0}

    def __init__(
        self,
        now_us: Callable[[], int],
        noise: Callable[[Quantity], float] | None = None,
        burnt: Mapping[int, bytes] = BURNT,
    ) -> None:
        """`burnt` is the factory's calibration: register 88 (26 bytes, the last is H1) and E1 (7 bytes)."""
        self.burnt = dict(burnt)
        low, high = self.burnt[0x88], self.burnt[0xE1]
        self.calibration = Calibration.decode(low[:24], low[25], high)
        self.loaded: dict[int, int] = {}  # a vector's registers, said instead of the chip's own
        self.chip_id = 0x60
        super().__init__(now_us, noise)

    def power_on(self) -> None:
        self._registers = bytearray(256)
        for first, values in self.burnt.items():
            self._registers[first : first + len(values)] = values
        self._registers[DATA : DATA + 8] = UNMEASURED
        self._pointer = 0
        self._humidity = 0  # the oversampling that counts: taken over by a write to CTRL_MEAS
        self._started_us: int | None = None
        self._awake_us = self.now_us() + COPY_US

    def written(self, data: bytes) -> None:
        self._settle()
        if data:
            self._pointer = data[0]
        for register, value in zip(data[0::2], data[1::2], strict=False):
            self._put(register, value)

    def _put(self, register: int, value: int) -> None:
        if register == RESET and value == 0xB6:
            self.power_on()
        if register not in WRITABLE:
            return
        self._registers[register] = value
        if register == CTRL_MEAS:
            self._humidity = self._registers[CTRL_HUM] & 0x07
            self._started_us = None if value & 0x03 == SLEEP else self.now_us()

    def given(self, count: int) -> bytes:
        self._settle()
        answer = bytes(self._get((self._pointer + at) & 0xFF) for at in range(count))
        self._pointer = (self._pointer + count) & 0xFF
        return answer

    def _get(self, register: int) -> int:
        if register == ID:
            told = self.faults.wrong_chip_id
            return self.loaded.get(ID, self.chip_id) if told is None else told
        if register in self.loaded and register not in WRITABLE:
            return self.loaded[register]
        if register == STATUS:
            return self._status()
        return self._registers[register]

    def _status(self) -> int:
        copying = COPYING if self.now_us() < self._awake_us else 0
        return copying | (MEASURING if self._converting() else 0)

    def _converting(self) -> bool:
        if self._started_us is None:
            return False
        return self.faults.stuck_busy or self.now_us() - self._started_us < self._conversion_us()

    def _sampling(self) -> tuple[int, int, int]:
        """How often temperature, pressure and humidity are sampled: 0, 1, 2, 4, 8 or 16 times."""
        meas = self._registers[CTRL_MEAS]
        return times(meas >> 5), times(meas >> 2 & 0x07), times(self._humidity)

    def _conversion_us(self) -> int:
        temperature, pressure, humidity = self._sampling()
        ms = 1.25 + 2.3 * temperature + sum(2.3 * n + 0.575 for n in (pressure, humidity) if n)
        return int(ms * 1_000)

    def _settle(self) -> None:
        """Finish what has become due since the last transfer."""
        if self._started_us is None or self._converting():
            return
        self._registers[DATA : DATA + 8] = self._measured()
        if self._registers[CTRL_MEAS] & 0x03 != NORMAL:
            self._registers[CTRL_MEAS] &= 0xFC
            self._started_us = None
            return
        lap = self._conversion_us() + int(STANDBY_MS[self._registers[CONFIG] >> 5] * 1_000)
        self._started_us += (self.now_us() - self._started_us) // lap * lap

    def _measured(self) -> bytes:
        """The eight data registers for what is felt now: 16 bits, and one more for each doubling of the sampling."""
        often_t, often_p, often_h = self._sampling()
        trim = self.calibration
        t = self._word(often_t, self.sense(Quantity.TEMPERATURE), lambda ticks: trim.fine(ticks) / 5120.0)
        fine = trim.fine(t)
        p = self._word(often_p, self.sense(Quantity.PRESSURE), lambda ticks: trim.pascal(ticks, fine))
        h = nearest(self.sense(Quantity.HUMIDITY), 1, 0xFFFF, lambda ticks: trim.percent(ticks, fine))
        h = (h + (h == SKIPPED_HUMIDITY)) if often_h else SKIPPED_HUMIDITY
        return (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big") + h.to_bytes(2, "big")

    def _word(self, often: int, wanted: float, value: Callable[[int], float]) -> int:
        if not often:
            return SKIPPED
        step = 16 // often
        ticks = nearest(wanted, 1, 0x100000 // step - 1, lambda ticks: value(ticks * step)) * step
        return ticks + step if ticks == SKIPPED else ticks

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name == "chip_id":
            self.loaded[ID] = int(str(value), 16)
        elif name == "regs":
            for first, content in value.items():
                self._load(int(first, 0), bytes.fromhex(content))
        else:
            super().take(name, value, door)

    def _load(self, first: int, content: bytes) -> None:
        for at, byte in enumerate(content, first):
            self.loaded[at & 0xFF] = byte


def times(code: int) -> int:
    """The oversampling behind a register's three bits."""
    return 0 if code == 0 else min(16, 1 << (code - 1))
