"""What the current meters of Texas Instruments have in common: 16-bit words, most significant byte first.

They have no checksum, and a sharp load can take their supply away for a moment: then the calibration is zero and they
tell zero amperes with a straight face. So each reading is one triggered measurement; what it leaves in the registers
stands still and is read twice; and afterwards configuration and calibration must still be ours, or nothing is
believed. Power is a magnitude: its direction is the sign of the current.
"""

from __future__ import annotations

import math

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotReady, WrongChip
from drivers.register_chip import registers, twice
from drivers.setting import Chosen
from drivers.talk import Pause, Talk, Write

CONFIG, CALIBRATION = 0x00, 0x05
MAKER, DIE, TEXAS_INSTRUMENTS = 0xFE, 0xFF, 0x5449
POLL_S, POLLS = 0.005, 10
READ_TWICE, WRITTEN, READ_ONCE = 10, 4, 5  # octets on the wire, addresses included
STILL_S = 3 * 86_400.0  # a load may be off for days, and then the current stands at zero


class INA(I2CDriver):
    """An INA chip. Subclasses say which words are ours, when a measurement is done, and what it says."""

    default_address = 0x40
    addresses = tuple(range(0x40, 0x50))
    max_hz = 400_000
    still_s = STILL_S

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.ours: dict[int, int] = {}  # the words that we leave in the chip, configuration first
        self.conversion_s = 0.0

    def setup(self) -> Talk[bool | None]:
        yield from self._identify()
        if (yield from self._kept()):
            return True
        for register, word in self.ours.items():
            yield Write(bytes([register]) + word.to_bytes(2, "big"))
        if not (yield from self._kept()):
            raise DeviceFault(f"the {self.name} does not keep its settings")
        return None

    def _identify(self) -> Talk[None]:
        yield from ()

    def _kept(self) -> Talk[bool]:
        for register, word in self.ours.items():
            if (yield from word_of(register)) != word:
                return False
        return True

    def _measure(self) -> Talk[None]:
        """One measurement, to its end. Raises NotReady."""
        yield Write(bytes([CONFIG]) + self.ours[CONFIG].to_bytes(2, "big"))
        yield Pause(self.conversion_s)
        for _ in range(POLLS):
            if (yield from self._done()):
                return
            yield Pause(POLL_S)
        raise NotReady(f"the {self.name} does not finish its measurement")

    def _done(self) -> Talk[bool]:
        yield from ()
        raise NotImplementedError

    def _still_ours(self) -> Talk[None]:
        if not (yield from self._kept()):
            raise DeviceFault("the chip has lost its settings: it was without power for a moment")


def word_of(register: int) -> Talk[int]:
    """The word in a register. Raises FramingError."""
    return int.from_bytes((yield from registers(register, 2)), "big")


def word_twice(register: int) -> Talk[int]:
    """The word in a register that stands still. Raises ChecksumError, FramingError."""
    return int.from_bytes((yield from twice(register, 2)), "big")


def signed_twice(register: int) -> Talk[int]:
    """The same, in two's complement."""
    return int.from_bytes((yield from twice(register, 2)), "big", signed=True)


def identity(name: str, die: int, shift: int = 0) -> Talk[None]:
    """Raises WrongChip unless maker and die (without its revision) are these."""
    maker, found = (yield from word_of(MAKER)), (yield from word_of(DIE))
    if maker != TEXAS_INSTRUMENTS or found >> shift != die >> shift:
        raise WrongChip(f"expected an {name}, found maker {maker:04X} and die {found:04X}")


def is_identity(name: str, die: int, shift: int = 0) -> Talk[bool]:
    """For a probe: whether maker and die are these."""
    try:
        yield from identity(name, die, shift)
    except DriverError:
        return False
    return True


def round_step(max_a: float) -> float:
    """The step of the current register in A: the next of 1, 2, 5 times a power of ten that reaches `max_a`."""
    least = max_a / 32_768.0
    decade = 10.0 ** math.floor(math.log10(least))
    return next(step * decade for step in (1.0, 2.0, 5.0, 10.0, 20.0) if step * decade >= least)
