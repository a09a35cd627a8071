"""Maxim DS3231: a clock that keeps the time within two seconds a month, and the temperature of its crystal.

Source: datasheet DS3231, 19-5170. Wiring: SDA and SCL to header pins 3 and 5, 3V3 to pin 1; always at 0x68, where an
AMG8833 may sit too; the EEPROM of the usual module is at 0x57. When `dtoverlay=i2c-rtc,ds3231` gives the chip to the
kernel, the address is the kernel's and this driver is not needed.

After a dead battery the chip counts from the year 2000 and its oscillator flag (OSF) says so: no time is told until it
is set. The 32 kHz output, which nobody uses, is switched off: power-on switches it on again, and so it tells whoever
reads that the chip lost its power, and that its temperature may be none yet. A conversion is forced at setup; later
ones happen every 64 s. Cheap modules hold a DS3231M, which is read the same and errs by 5 ppm.
"""

from __future__ import annotations

from datetime import datetime

from drivers.clock_chip import ClockChip, coded, digits, ticking, unix_ms
from drivers.errors import DriverError, NotReady, WrongChip
from drivers.reading import Quantity, Reading
from drivers.register_chip import registers, twice
from drivers.setting import Setting
from drivers.talk import Pause, Talk, Write

TIME, CONTROL, STATUS, TEMPERATURE = 0x00, 0x0E, 0x0F, 0x11
STOPPED_ON_BATTERY, CONVERT = 0x80, 0x20  # of control
LOST, RATE_OUT, BUSY, ALARMS = 0x80, 0x08, 0x04, 0x03  # of status
NEVER_SET = 0x70
TWELVE, AFTERNOON = 0x40, 0x20  # of the hours
CONVERSION_S, POLL_S, POLLS = 0.2, 0.05, 6


class DS3231(ClockChip):
    """The time, and the chip's own temperature (°C) in quarters of a degree."""

    name = "ds3231"
    title = "Maxim DS3231: clock with battery, temperature"
    datasheet = "https://www.analog.com/media/en/technical-documentation/data-sheets/ds3231.pdf"
    default_address = 0x68
    addresses = (0x68,)
    max_hz = 400_000
    measures = (Quantity.TEMPERATURE,)
    settings = (Setting("drift_s", 60.0, "how far it may be off when nobody knows since when it runs", (), 0, 86_400),)
    interval_min_s = 64.0
    bus_bytes = 44
    drift_ppm = 5.0

    def setup(self) -> Talk[None]:
        control, status = yield from twice(CONTROL, 2)
        if status & NEVER_SET:
            raise WrongChip(f"expected a DS3231, found a chip whose register 0F is {status:02X}")
        yield from _quiet(STATUS, BUSY)
        yield Write(bytes([CONTROL, control & ~STOPPED_ON_BATTERY | CONVERT]))
        yield Write(bytes([STATUS, LOST | ALARMS]))  # ones leave the flags as they are
        yield Pause(CONVERSION_S)
        yield from _quiet(CONTROL, CONVERT)

    def read(self) -> Talk[list[Reading]]:
        """The temperature; the time goes into `told`. Raises NotReady when the chip lost its power since setup."""
        self.told = None
        held = yield from ticking(TIME, TEMPERATURE + 2)
        if held[STATUS] & NEVER_SET:
            raise WrongChip(f"expected a DS3231, found a chip whose register 0F is {held[STATUS]:02X}")
        if held[STATUS] & RATE_OUT:
            raise NotReady("the clock chip lost its power since it was set up")
        self.tell(_said(held))
        return [Reading(Quantity.TEMPERATURE, celsius(held[TEMPERATURE : TEMPERATURE + 2]))]

    def probe(self) -> Talk[bool]:
        try:
            held = yield from ticking(TIME, TEMPERATURE + 2)
        except DriverError:
            return False
        return not held[STATUS] & NEVER_SET and not held[TEMPERATURE + 1] & 0x3F and _calendar(held) is not None

    def put(self, moment: datetime) -> Talk[None]:
        fields = (moment.second, moment.minute, moment.hour, moment.isoweekday(), moment.day, moment.month)
        yield Write(bytes([TIME, *map(coded, fields), coded(moment.year - 2000)]))
        yield Write(bytes([STATUS, ALARMS]))

    def said(self) -> Talk[int | None]:
        return _said((yield from ticking(TIME, TEMPERATURE)))


def celsius(word: bytes) -> float:
    """The temperature in °C from registers 11 and 12: ten bits, two's complement, quarters."""
    return (int.from_bytes(word, "big", signed=True) >> 6) / 4.0


def _said(held: bytes) -> int | None:
    return None if held[STATUS] & LOST else _calendar(held)


def _calendar(held: bytes) -> int | None:
    second, minute, hours, weekday, day, month, year = held[:7]
    if not 1 <= weekday <= 7:
        return None
    return unix_ms(digits(year), digits(month & 0x1F), digits(day), _hour(hours), digits(minute), digits(second))


def _hour(hours: int) -> int:
    """The hour of the day, from either way of keeping it; -1 when it is none."""
    if not hours & TWELVE:
        return digits(hours)
    hour = digits(hours & 0x1F)
    return hour % 12 + (12 if hours & AFTERNOON else 0) if 1 <= hour <= 12 else -1


def _quiet(register: int, bit: int) -> Talk[None]:
    for _ in range(POLLS):
        if not (yield from registers(register, 1))[0] & bit:
            return
        yield Pause(POLL_S)
    raise NotReady("the clock chip does not finish measuring its temperature")
