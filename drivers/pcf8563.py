"""NXP PCF8563: a clock chip with a battery, and nothing else. It measures nothing; it tells the node what time it is.

Source: data sheet PCF8563, rev. 11. Wiring: SDA and SCL to header pins 3 and 5, 3V3 to pin 1; always at 0x51. Its
crystal is not compensated: 20 ppm are a minute and a half in two months, more in frost.

A chip whose supply was too low for the oscillator sets VL in the register of the seconds; one that was stopped (STOP,
or the maker's test mode) says nothing of it later, so it is left stopped until it is set. In both cases no time is
told. There is no chip id: bits that are always zero tell it from a neighbour.
"""

from __future__ import annotations

from datetime import datetime

from drivers.clock_chip import ClockChip, coded, digits, ticking, unix_ms
from drivers.errors import DeviceFault, DriverError, WrongChip
from drivers.reading import Reading
from drivers.setting import Setting
from drivers.talk import Talk, Write

CONTROL, TIME, COUNT = 0x00, 0x02, 9
TEST, STOP = 0x80, 0x20
NEVER_SET = (0x57, 0xE0)  # of the two control registers
VOLTAGE_LOW = 0x80


class PCF8563(ClockChip):
    """The time."""

    name = "pcf8563"
    title = "NXP PCF8563: clock with battery"
    datasheet = "https://www.nxp.com/docs/en/data-sheet/PCF8563.pdf"
    default_address = 0x51
    addresses = (0x51,)
    max_hz = 400_000
    settings = (Setting("drift_s", 600.0, "how far it may be off when nobody knows since when it runs", (), 0, 86_400),)
    bus_bytes = 24
    drift_ppm = 40.0

    def setup(self) -> Talk[None]:
        _known((yield from ticking(CONTROL, COUNT)))

    def read(self) -> Talk[list[Reading]]:
        """No readings: the time goes into `told`. Raises DeviceFault when the clock stands still."""
        self.told = None
        self.tell((yield from self.said()))
        if self.stands:
            raise DeviceFault("the clock stands still")
        return []

    def probe(self) -> Talk[bool]:
        try:
            return _calendar(_known((yield from ticking(CONTROL, COUNT)))) is not None
        except DriverError:
            return False

    def prepare(self) -> Talk[None]:
        yield Write(bytes([CONTROL, STOP]))

    def put(self, moment: datetime) -> Talk[None]:
        date = (moment.day, moment.isoweekday() % 7, moment.month, moment.year - 2000)
        yield Write(bytes([TIME, *map(coded, (moment.second, moment.minute, moment.hour, *date))]))
        yield Write(bytes([CONTROL, 0]))

    def said(self) -> Talk[int | None]:
        held = _known((yield from ticking(CONTROL, COUNT)))
        return None if held[CONTROL] & (TEST | STOP) or held[TIME] & VOLTAGE_LOW else _calendar(held)


def _known(held: bytes) -> bytes:
    if held[0] & NEVER_SET[0] or held[1] & NEVER_SET[1]:
        raise WrongChip(f"expected a PCF8563, found a chip whose first registers are {held[:2].hex(' ')}")
    return held


def _calendar(held: bytes) -> int | None:
    second, minute, hour, day, weekday, month, year = held[TIME:COUNT]
    if weekday & 0x07 == 7:
        return None
    return unix_ms(
        digits(year), digits(month & 0x1F), digits(day & 0x3F),
        digits(hour & 0x3F), digits(minute & 0x7F), digits(second & 0x7F),
    )  # fmt: skip
