"""Sensirion SPS30: particulate matter by mass and by number.

Source: datasheet SPS30, version 2. Wiring: 5 V, SEL to ground (that selects I2C, before power comes on), SDA and SCL
to header pins 3 and 5; address 0x69; cables below 10 cm, or the serial port instead.

The interface sleeps when the chip does, and the first transfer that wakes it is not acknowledged: so wake is said
twice. A chip that lost power is idle and has nothing to read: the reading fails and setup runs again; one that goes on
measuring is left to it. The fan cleans itself once a week; that period is kept in flash, and so written only when it
differs. For the first 30 s the laser and the air settle (`warm_up_s`). The laser lives for years, not for ever: `rest`
stops it and puts the chip to sleep (firmware 2.0 and newer; older ones merely stop).

A fan that turns at a wrong speed doubts the values (flag `range`); a fan or laser that failed gives none.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from drivers.driver import I2CDriver
from drivers.errors import DeviceFault, DriverError, Nack, NotMeasured, NotReady, WrongChip
from drivers.reading import Flag, Quantity, Reading
from drivers.sensirion import ask, high_word, hold, name_of, tell, tell_if_heard
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk

WAKE, SLEEP, STOP, START, READY, TAKE = 0x1103, 0x1001, 0x0104, 0x0010, 0x0202, 0x0300
AUTO_CLEAN, PRODUCT_TYPE, VERSION, STATUS, CLEAR_STATUS = 0x8004, 0xD002, 0xD100, 0xD206, 0xD210
FORMATS = {"float": 0x0300, "uint16": 0x0500}
REGISTER_S, START_S, POLL_S, POLLS = 0.005, 0.020, 0.100, 15
SPS30_TYPE = "00080000"
HAS_STATUS = (2, 2)  # the firmware that brought the status register, and tells a new fan period without a reset
FAN_SPEED, LASER, FAN = 1 << 21, 1 << 5, 1 << 4
MOST = 1e6  # no concentration is higher; a number beyond is a broken number
ORDER = (
    Quantity.PM1, Quantity.PM2_5, Quantity.PM4, Quantity.PM10,
    Quantity.NC_PM0_5, Quantity.NC_PM1, Quantity.NC_PM2_5, Quantity.NC_PM4, Quantity.NC_PM10,
)  # fmt: skip


class SPS30(I2CDriver):
    """Mass (µg/m³) and number (1/cm³) of particles up to a size."""

    name = "sps30"
    title = "Sensirion SPS30: particulate matter"
    datasheet = "https://sensirion.com/resource/datasheet/sps30"
    default_address = 0x69
    addresses = (0x69,)
    measures = ORDER
    warm_up_s = 30.0
    can_rest = True
    bus_bytes = 81  # ready 3 + 4, take 3 + 61, status 3 + 7
    settings = (
        Setting("format", "float", "what the chip sends; uint16 rounds to whole numbers", choices=("float", "uint16")),
        Setting("auto_clean_s", 604_800, "seconds between two cleanings of the fan; 0: never", low=0, high=2**32 - 1),
    )

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._has_status = False
        self._trusted = False  # measuring as we left it, for all we know

    def setup(self) -> Talk[bool]:
        """True when it was found measuring as we left it, and has given a reading since the last setup."""
        trusted, self._trusted = self._trusted, False
        if trusted and (yield from _measuring()):
            return True
        yield from tell_if_heard(WAKE, REGISTER_S)
        yield from tell_if_heard(WAKE, REGISTER_S)
        yield from tell_if_heard(STOP, START_S)
        if (found := name_of((yield from ask(PRODUCT_TYPE, 4, REGISTER_S)))) != SPS30_TYPE:
            raise WrongChip(f"expected an SPS30, found product type {found!r}")
        major, minor = yield from ask(VERSION, 1, REGISTER_S)
        self._has_status = (major, minor) >= HAS_STATUS
        if self._has_status:
            yield from tell(CLEAR_STATUS, wait_s=REGISTER_S)
        yield from self._set_fan_cleaning()
        yield from tell(START, FORMATS[str(self.chosen["format"])], wait_s=START_S)
        return False

    def _set_fan_cleaning(self) -> Talk[None]:
        """Old firmware tells the new period only after a reset: there, the next setup is the proof."""
        wanted = high_word(round(float(self.chosen["auto_clean_s"])))
        if self._has_status:
            yield from hold(AUTO_CLEAN, AUTO_CLEAN, wanted, "the fan's cleaning period", REGISTER_S, START_S)
        elif struct.unpack(">HH", (yield from ask(AUTO_CLEAN, 2, REGISTER_S))) != wanted:
            yield from tell(AUTO_CLEAN, *wanted, wait_s=START_S)

    def read(self) -> Talk[list[Reading]]:
        try:
            yield from _new_measurement()
        except NotReady:
            self._trusted = False
            raise
        if self.chosen["format"] == "uint16":
            values: Sequence[float] = struct.unpack(">10H", (yield from ask(TAKE, 10, REGISTER_S)))
        else:
            values = struct.unpack(">10f", (yield from ask(TAKE, 20, REGISTER_S)))
        sound(values)
        flags = (yield from _condition()) if self._has_status else Flag.NONE
        self._trusted = True
        return [Reading(quantity, float(value), flags=flags) for quantity, value in zip(ORDER, values, strict=False)]

    def rest(self) -> Talk[None]:
        self._trusted = False
        yield from tell_if_heard(STOP, START_S)
        yield from tell_if_heard(SLEEP, REGISTER_S)

    def probe(self) -> Talk[bool]:
        for _ in range(2):
            try:
                return name_of((yield from ask(PRODUCT_TYPE, 4, REGISTER_S))) == SPS30_TYPE
            except Nack:
                yield Pause(REGISTER_S)
            except DriverError:
                return False
        return False


def sound(values: Sequence[float]) -> None:
    """Raises NotMeasured for what is no concentration."""
    if any(not math.isfinite(value) or abs(value) > MOST for value in values[: len(ORDER)]):
        raise NotMeasured("the chip sent something that is no number")


def _new_measurement() -> Talk[None]:
    for _ in range(POLLS):
        if (yield from ask(READY, 1, REGISTER_S))[1]:
            return
        yield Pause(POLL_S)
    raise NotReady("no new measurement within 1.5 s: the chip is not measuring")


def _measuring() -> Talk[bool]:
    try:
        yield from _new_measurement()
    except NotReady:
        return False
    return True


def _condition() -> Talk[Flag]:
    return condition(int.from_bytes((yield from ask(STATUS, 2, REGISTER_S)), "big"))


def condition(status: int) -> Flag:
    """What the status register (D206, 32 bits) means for a reading. Raises DeviceFault for a broken fan or laser."""
    if status & FAN:
        raise DeviceFault("the fan of the SPS30 stands still: is it blocked?")
    if status & LASER:
        raise DeviceFault("the laser of the SPS30 has failed")
    return Flag.RANGE if status & FAN_SPEED else Flag.NONE
