"""Cubic PM2008: a laser and a fan that count particles, asked over a serial port.

Wiring: 5 V, GND, TX to RXD of the Pi, RX to TXD. The fan runs and the laser shines from `setup` to `rest`: with
`rest = true` on the board it sleeps between readings that lie far apart, which is how its laser lasts. After a
loss of power it stands still and says zeros, which are no measurement: it is then opened again.

It gives masses twice, in the calibrations of two instruments (GRIMM and TSI); `calibration` chooses. Numbers are told
per 0.1 L. Source: Cubic PM2008 specification, and public drivers of it; the order of fields is theirs.
"""

from __future__ import annotations

import struct

from drivers.cubic import ask, command
from drivers.driver import SerialDriver
from drivers.errors import DriverError, NotReady
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk, Write

OPEN, CLOSE, READ = command(0x0C, 0x02, 0x1E), command(0x0C, 0x01, 0x1E), command(0x0B, 0x07)
DATA = struct.Struct(">12I4x")
MASS = (Quantity.PM1, Quantity.PM2_5, Quantity.PM10)
NUMBER = (
    Quantity.NC_GT0_3, Quantity.NC_GT0_5, Quantity.NC_GT1, Quantity.NC_GT2_5, Quantity.NC_GT5, Quantity.NC_GT10,
)  # fmt: skip
CALIBRATIONS = ("grimm", "tsi")
PER_CM3 = 100  # counts are told per 0.1 L
SPIN_UP_S = 1.5


class PM2008(SerialDriver):
    """PM1, PM2.5, PM10 in whole µg/m³, particles larger than 0.3 to 10 µm."""

    name = "pm2008"
    title = "Cubic PM2008: fine dust"
    datasheet = "https://en.gassensor.com.cn/ParticulateMatterSensor/list.html"
    measures = MASS + NUMBER
    decimals = dict.fromkeys(MASS, 0)
    settings = (Setting("calibration", "grimm", "masses as this instrument would give them", CALIBRATIONS),)
    interval_min_s = 1.0
    warm_up_s = 30.0
    can_rest = True
    still_s = 86_400.0  # whole micrograms: clean air may stand at one of them for hours
    bus_bytes = 61

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._opened = False

    def setup(self) -> Talk[bool]:
        """Start the fan and the laser; True when they still ran. That they start is seen by the values."""
        if self._opened and any((yield from ask(READ, DATA.size))):
            return True
        yield Write(OPEN)  # its answer is passed over by the next question
        yield Pause(SPIN_UP_S)
        self._opened = True
        return False

    def rest(self) -> Talk[None]:
        """Stop the fan and the laser."""
        self._opened = False
        yield Write(CLOSE)

    def read(self) -> Talk[list[Reading]]:
        """All nine. Raises NotReady while it stands still or spins up."""
        numbers = DATA.unpack((yield from ask(READ, DATA.size)))
        if not any(numbers):
            raise NotReady("no measurement yet: the fan stands still or spins up")
        first = 3 * CALIBRATIONS.index(str(self.chosen["calibration"]))
        masses = [Reading(quantity, float(each)) for quantity, each in zip(MASS, numbers[first:], strict=False)]
        counts = zip(NUMBER, numbers[6:], strict=True)
        return masses + [Reading(quantity, each / PER_CM3) for quantity, each in counts]

    def probe(self) -> Talk[bool]:
        """Whether something here answers like a PM2008."""
        try:
            yield from ask(READ, DATA.size)
        except DriverError:
            return False
        return True
