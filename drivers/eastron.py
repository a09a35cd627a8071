"""What the Eastron SDM meters have in common: who they are, and how finely they count.

Everything is an IEEE 754 number in two input registers, high word first, function 4. A meter on the mains knows its
frequency, always: 45 to 65 Hz in register 46 (hex) is how a meter is told from whatever else has the same unit number.
"""

from __future__ import annotations

from drivers.errors import DriverError, NotReady, WrongChip
from drivers.modbus_map import BAUD, PARITY, STOP, Register, RegisterDriver
from drivers.reading import Quantity
from drivers.rtu import READ_INPUT
from drivers.setting import Setting
from drivers.talk import Talk

FREQUENCY = Register(Quantity.FREQUENCY, 0x46)
MAINS_HZ = (45.0, 65.0)
TOTALS = (FREQUENCY, Register(Quantity.ENERGY_IMPORT, 0x48), Register(Quantity.ENERGY_EXPORT, 0x4A))
DECIMALS = {
    Quantity.VOLTAGE: 1, Quantity.CURRENT: 3, Quantity.ENERGY_IMPORT: 2, Quantity.ENERGY_EXPORT: 2,
}  # fmt: skip


def line_settings(baud: int) -> tuple[Setting, ...]:
    """Baud rate, parity and stop bits, as the meter's own menu offers them."""
    return (Setting("baud", baud, "baud rate, as the meter is set", BAUD.choices[:6]), PARITY, STOP)


class Eastron(RegisterDriver):
    """An SDM meter."""

    decimals = DECIMALS
    interval_min_s = 1.0
    still_s = 0.0  # a load that is off stands still for days

    @property
    def claims(self) -> tuple[str, ...]:
        return (f"unit {self.unit.number}",)

    def setup(self) -> Talk[bool]:
        """Nothing is set; raises WrongChip when this is no meter. It has no warm-up to begin anew."""
        frequency = FREQUENCY.value((yield from self.unit.registers(READ_INPUT, FREQUENCY.address, 2)))
        if frequency is None or not frequency:
            raise NotReady(f"the meter of unit {self.unit.number} sees no mains yet")
        if not MAINS_HZ[0] <= frequency <= MAINS_HZ[1]:
            raise WrongChip(f"unit {self.unit.number} is no {self.name}: its mains frequency would be {frequency:g} Hz")
        return True

    def probe(self) -> Talk[bool]:
        """Whether a meter on the mains answers."""
        try:
            yield from self.setup()
            yield from self.read()
        except DriverError:
            return False
        return True
