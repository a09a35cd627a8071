"""SenseAir S8 and its kin (K30, LP8's big brother): carbon dioxide, asked by Modbus as the unit that answers for all.

Wiring: G+ to 5 V, G0 to ground, TxD and RxD to RXD and TXD of the Pi (3.3 V levels). It answers as unit FE whatever
its own number is, so it lives alone on its port. Its automatic baseline (ABC) takes the lowest value of so many hours
for 400 ppm: 180 h as it comes, 0 switches it off. The period is kept in EEPROM, so it is read first, written only where
it differs, and read again.

Some units fall asleep between questions and want a byte to wake (`wake = true`). Status bits: fatal and memory errors
give no value; out of range gives it flagged. Source: SenseAir, Modbus on S8, TDE2067; bit names from memory of it.
"""

from __future__ import annotations

from drivers.driver import SerialDriver
from drivers.errors import DeviceFault, DriverError, NotReady
from drivers.reading import Flag, Quantity, Reading
from drivers.rtu import READ_HOLDING, READ_INPUT, Unit
from drivers.setting import Chosen, Setting
from drivers.talk import Pause, Talk, Write

ANYBODY = 0xFE
STATUS, CO2, ABC_PERIOD = 0x00, 0x03, 0x1F
OUT_OF_RANGE = 1 << 5
FAULTS = {
    0: "a fatal error", 1: "a failed offset regulation", 2: "an error of its algorithm", 3: "an error of its output",
    4: "a failed self-test", 6: "an error of its memory",
}  # fmt: skip
WAKE_S = 0.005
EEPROM_S = 0.1


class SenseairS8(SerialDriver):
    """CO2 in ppm."""

    name = "senseair_s8"
    title = "SenseAir S8: carbon dioxide"
    datasheet = "https://rmtplusstoragesenseair.blob.core.windows.net/docs/Dev/publicerat/TDE2067.pdf"
    measures = (Quantity.CO2,)
    settings = (
        Setting("abc_hours", -1, "period of the automatic baseline; 0: off, -1: as the device has it", (), -1, 4800),
        Setting("wake", False, "send a byte before each question, for units that sleep"),
    )
    interval_min_s = 4.0
    warm_up_s = 60.0
    bus_bytes = 30

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self.unit = Unit(ANYBODY)

    def setup(self) -> Talk[None]:
        """The baseline period, written only where it differs. Raises DeviceFault when it does not stick."""
        hours = int(self.chosen["abc_hours"])
        if hours < 0 or (yield from self._period()) == hours:
            return
        yield from self._rouse()
        yield from self.unit.write(ABC_PERIOD, hours)
        yield Pause(EEPROM_S)
        if (kept := (yield from self._period())) != hours:
            raise DeviceFault(f"the baseline period was set to {hours} h and is {kept} h")

    def read(self) -> Talk[list[Reading]]:
        """One value; flagged RANGE where the device says so. Raises NotReady, DeviceFault."""
        co2 = yield from self._word(READ_INPUT, CO2)
        status = yield from self._word(READ_INPUT, STATUS)
        if told := [what for bit, what in FAULTS.items() if status >> bit & 1]:
            raise DeviceFault(f"the sensor reports {' and '.join(told)}")
        if co2 == 0 or co2 & 0x8000:
            raise NotReady("no measurement yet")
        return [Reading(Quantity.CO2, float(co2), flags=Flag.RANGE if status & OUT_OF_RANGE else Flag.NONE)]

    def probe(self) -> Talk[bool]:
        """Whether a unit answers for all and has these registers."""
        try:
            yield from self._word(READ_INPUT, CO2)
            yield from self._period()
        except DriverError:
            return False
        return True

    def _period(self) -> Talk[int]:
        return (yield from self._word(READ_HOLDING, ABC_PERIOD))

    def _word(self, function: int, address: int) -> Talk[int]:
        yield from self._rouse()
        return int.from_bytes((yield from self.unit.registers(function, address, 1)), "big")

    def _rouse(self) -> Talk[None]:
        if self.chosen["wake"]:
            yield Write(b"\0")
            yield Pause(WAKE_S)
