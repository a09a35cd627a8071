"""The half that Bosch's air sensors share: a row of registers, an id, and words sought by bisection.

Reads count the register up by themselves; writes do not, they come as pairs of register and value. What the driver
will compute is undone by bisection: for a felt temperature the raw word is sought whose compensated value comes
nearest, then pressure and humidity at that temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drivers.bosch import SKIPPED, Trim
from drivers.reading import Quantity
from simulators.chips.chip import I2CChip, Spans, Values

ID, RESET, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF3, 0xF4, 0xF5, 0xF7
MEASURING, COPYING = 0x08, 0x01
SLEEP, NORMAL = 0, 3
COPY_US = 2_000
UNMEASURED = bytes.fromhex("800000800000")


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


def times(code: int) -> int:
    """The oversampling behind a register's three bits."""
    return 0 if code == 0 else min(16, 1 << (code - 1))


def word(often: int, wanted: float, value: Callable[[int], float]) -> int:
    """The 20-bit word that comes nearest: 16 bits, and one more for each doubling of the sampling."""
    if not often:
        return SKIPPED
    step = 16 // often
    ticks = nearest(wanted, 1, 0x100000 // step - 1, lambda ticks: value(ticks * step)) * step
    return ticks + step if ticks == SKIPPED else ticks


class BoschChip(I2CChip):
    """Registers with a factory's calibration in them. Subclasses say what writing and time do."""

    address = 0x76
    addresses = (0x76, 0x77)
    factory_id: ClassVar[int]
    writable: ClassVar[frozenset[int]]

    def __init__(
        self,
        now_us: Callable[[], int],
        noise: Callable[[Quantity], float] | None = None,
        burnt: Mapping[int, bytes] | None = None,
    ) -> None:
        """`burnt` is the factory's calibration: bytes by the register that they begin at."""
        self.burnt = dict(burnt if burnt is not None else self.calibrated())
        self.loaded: dict[int, int] = {}  # a vector's registers, said instead of the chip's own
        self.chip_id = self.factory_id
        super().__init__(now_us, noise)

    def calibrated(self) -> Mapping[int, bytes]:
        """The calibration of the chip that this one is by default."""
        raise NotImplementedError

    def power_on(self) -> None:
        self._registers = bytearray(256)
        for first, values in self.burnt.items():
            self._registers[first : first + len(values)] = values
        self._pointer = 0
        self._started_us: int | None = None
        self._awake_us = self.now_us() + COPY_US

    def written(self, data: bytes) -> None:
        self.settle()
        if data:
            self._pointer = data[0]
        for register, value in zip(data[0::2], data[1::2], strict=False):
            self._put(register, value)

    def _put(self, register: int, value: int) -> None:
        if register == RESET and value == 0xB6:
            self.power_on()
        if register in self.writable:
            self._registers[register] = value
            self.put(register, value)

    def given(self, count: int) -> bytes:
        self.settle()
        answer = bytes(self._get((self._pointer + at) & 0xFF) for at in range(count))
        self._pointer = (self._pointer + count) & 0xFF
        return answer

    def _get(self, register: int) -> int:
        if register == ID:
            told = self.faults.wrong_chip_id
            return self.loaded.get(ID, self.chip_id) if told is None else told
        if register in self.loaded and register not in self.writable:
            return self.loaded[register]
        return self.get(register)

    def put(self, register: int, value: int) -> None:
        """A writable register was written."""

    def get(self, register: int) -> int:
        """What a register says now."""
        return self._registers[register]

    def settle(self) -> None:
        """Finish what has become due since the last transfer."""

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name == "chip_id":
            self.loaded[ID] = int(str(value), 16)
        elif name == "regs":
            for first, content in value.items():
                self.hold(int(first, 0), bytes.fromhex(content))
        else:
            super().take(name, value, door)

    def hold(self, first: int, content: bytes) -> None:
        """Say these bytes from a register on, whatever is measured."""
        for at, byte in enumerate(content, first):
            self.loaded[at & 0xFF] = byte


class BMx280(BoschChip):
    """What the BME280 and the BMP280 share: F3 to FC, modes and times."""

    spans: ClassVar[Spans] = {Quantity.TEMPERATURE: (-40.0, 85.0), Quantity.PRESSURE: (30_000.0, 110_000.0)}
    resolves: ClassVar[Values] = {Quantity.TEMPERATURE: 0.006, Quantity.PRESSURE: 2.8}
    rests: ClassVar[Values] = {Quantity.TEMPERATURE: 18.0, Quantity.PRESSURE: 101_325.0}
    writable = frozenset({CTRL_MEAS, CONFIG})
    standby_ms: tuple[float, ...] = ()

    def power_on(self) -> None:
        super().power_on()
        self._registers[DATA : DATA + 6] = UNMEASURED

    def put(self, register: int, value: int) -> None:
        if register == CTRL_MEAS:
            self._started_us = None if value & 0x03 == SLEEP else self.now_us()

    def get(self, register: int) -> int:
        if register != STATUS:
            return super().get(register)
        copying = COPYING if self.now_us() < self._awake_us else 0
        return copying | (MEASURING if self._converting() else 0)

    def _converting(self) -> bool:
        if self._started_us is None:
            return False
        return self.faults.stuck_busy or self.now_us() - self._started_us < self._conversion_us()

    def sampling(self) -> tuple[int, int, int]:
        """How often temperature, pressure and humidity are sampled: 0, 1, 2, 4, 8 or 16 times."""
        meas = self._registers[CTRL_MEAS]
        return times(meas >> 5), times(meas >> 2 & 0x07), 0

    def _conversion_us(self) -> int:
        temperature, *others = self.sampling()
        return int((1.25 + 2.3 * temperature + sum(2.3 * n + 0.575 for n in others if n)) * 1_000)

    def settle(self) -> None:
        if self._started_us is None or self._converting():
            return
        self.measure()
        if self._registers[CTRL_MEAS] & 0x03 != NORMAL:
            self._registers[CTRL_MEAS] &= 0xFC
            self._started_us = None
            return
        lap = self._conversion_us() + int(self.standby_ms[self._registers[CONFIG] >> 5] * 1_000)
        self._started_us += (self.now_us() - self._started_us) // lap * lap

    def measure(self) -> None:
        """Put what is felt now into the data registers."""
        raise NotImplementedError

    def climate(self, trim: Trim) -> float:
        """Put temperature and pressure into their six registers; the fine temperature. A converter that is driven
        past its end stands there: the hottest and the densest words."""
        often_t, often_p, _ = self.sampling()
        t = word(often_t, self.sense(Quantity.TEMPERATURE), lambda ticks: trim.fine(ticks) / 5120.0)
        t = 0xFFFF0 if self.faults.saturate and often_t else t
        fine = trim.fine(t)
        p = word(often_p, self.sense(Quantity.PRESSURE), lambda ticks: trim.pascal(ticks, fine))
        p = 0x00010 if self.faults.saturate and often_p else p
        self._registers[DATA : DATA + 6] = (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big")
        return fine
