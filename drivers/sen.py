"""The half that Sensirion's SEN modules share: a fan, a laser and several small chips behind one address.

A module measures by itself once a second after it was told to start. Idle, it is never ready; so a module that lost
power is found out at the next reading, and one that goes on measuring is left to it, because its gas indices have
learnt for hours what a restart would make it forget. A field that the module has not (yet) measured carries a mark and
is left out; a gas index of 0 is the blackout of its first 45 s.

Everything in the module hangs together: without its fan the temperature is wrong, without that the gases. So a part
that reports a failure gives no readings at all, and the fault is named. A fan at a wrong speed doubts the particles
(flag `range`); while the fan is being cleaned they are flagged `warming`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity, Reading
from drivers.sensirion import ask, name_of, tell, tell_if_heard
from drivers.setting import Chosen
from drivers.talk import Pause, Talk

START, STOP, READY, NAME, STATUS, CLEAR_STATUS = 0x0021, 0x0104, 0x0202, 0xD014, 0xD206, 0xD210
REGISTER_S, START_S, POLL_S, POLLS = 0.020, 0.050, 0.100, 15
NAME_WORDS = 16
FAN_SPEED, CLEANING = 1 << 21, 1 << 19
PARTICLES = (Quantity.PM1, Quantity.PM2_5, Quantity.PM4, Quantity.PM10)
INDICES = (Quantity.VOC_INDEX, Quantity.NOX_INDEX)
WARM_UPS_S = {Quantity.VOC_INDEX: 3_600.0, Quantity.NOX_INDEX: 21_600.0}


@dataclass(frozen=True, slots=True)
class Field:
    """One word of the answer: its quantity, its steps per unit, and whether it may be negative."""

    quantity: Quantity
    per_unit: int
    signed: bool

    def value(self, word: int) -> float | None:
        """In the quantity's unit; None when the module marks it as not measured."""
        if word == (0x7FFF if self.signed else 0xFFFF):
            return None
        if self.signed and word > 0x7FFF:
            word -= 0x10000
        if self.quantity in INDICES and word <= 0:
            return None
        return word / self.per_unit


LAYOUT = (
    *(Field(quantity, 10, False) for quantity in PARTICLES),
    Field(Quantity.HUMIDITY, 100, True), Field(Quantity.TEMPERATURE, 200, True),
    *(Field(quantity, 10, True) for quantity in INDICES),
)  # fmt: skip


class Module(I2CDriver):
    """Subclasses say what is asked, in which layout it is answered, and which settings are kept."""

    take: ClassVar[int]
    layout: ClassVar[tuple[Field, ...]]
    stop_s: ClassVar[float]
    faults: ClassVar[Mapping[int, str]]  # bit of the status -> the part that failed

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._trusted = False  # measuring as we left it, for all we know

    def knows(self, product: str) -> bool:
        """Whether this product is the one that the board means."""
        raise NotImplementedError

    def keep_settings(self, product: str) -> Talk[None]:
        """Told to an idle module, zeros too: it may still hold what an earlier board said. Most are lost with power."""
        yield from ()

    def setup(self) -> Talk[bool]:
        """True when it was found measuring as we left it, and has given a reading since the last setup."""
        trusted, self._trusted = self._trusted, False
        if trusted and (yield from self._measuring()):
            return True
        yield from tell_if_heard(STOP, self.stop_s)
        if not self.knows(found := name_of((yield from ask(NAME, NAME_WORDS, REGISTER_S)))):
            raise WrongChip(f"expected {self.title.partition(':')[0]}, found {found!r}")
        yield from ask(CLEAR_STATUS, 2, REGISTER_S)
        yield from self.keep_settings(found)
        yield from tell(START, wait_s=START_S)
        return False

    def read(self) -> Talk[list[Reading]]:
        """Raises NotReady while the fan is cleaned, NotMeasured when the module is idle, DeviceFault."""
        if not (yield from self._measuring()):
            yield from self._why_nothing_comes()
        answer = yield from ask(self.take, len(self.layout), REGISTER_S)
        status = yield from _status()
        self._check(status)
        readings = self._readings(answer, condition(status))
        if not readings:
            raise NotMeasured("the module has not measured anything yet")
        self._trusted = True
        return readings

    def _measuring(self) -> Talk[bool]:
        for _ in range(POLLS):
            if (yield from ask(READY, 1, REGISTER_S))[1]:
                return True
            yield Pause(POLL_S)
        return False

    def _why_nothing_comes(self) -> Talk[None]:
        status = yield from _status()
        if status & CLEANING:
            raise NotReady("the fan is being cleaned: no measurement for some ten seconds")
        self._trusted = False
        self._check(status)
        raise NotMeasured("the module does not measure: it lost power, or somebody stopped it")

    def _check(self, status: int) -> None:
        for bit, part in self.faults.items():
            if status & 1 << bit:
                raise DeviceFault(f"{part} has failed (status {status:08X})")

    def _readings(self, answer: bytes, doubt: Flag) -> list[Reading]:
        words = [int.from_bytes(answer[at : at + 2], "big") for at in range(0, len(answer), 2)]
        values = {field.quantity: field.value(word) for field, word in zip(self.layout, words, strict=True)}
        return [
            Reading(quantity, value, flags=doubt if quantity in PARTICLES else Flag.NONE)
            for quantity, value in values.items()
            if value is not None and quantity in self.measures
        ]

    def probe(self) -> Talk[bool]:
        try:
            return self.knows(name_of((yield from ask(NAME, NAME_WORDS, REGISTER_S))))
        except DriverError:
            return False


def _status() -> Talk[int]:
    return int.from_bytes((yield from ask(STATUS, 2, REGISTER_S)), "big")


def condition(status: int) -> Flag:
    """What the status says of the particles."""
    doubt = Flag.RANGE if status & FAN_SPEED else Flag.NONE
    return doubt | Flag.WARMING if status & CLEANING else doubt


def offset_word(celsius: float) -> int:
    """A temperature offset as its signed word: 200 steps a degree."""
    return round(celsius * 200) & 0xFFFF
