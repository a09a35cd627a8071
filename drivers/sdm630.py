"""Eastron SDM630: three phases of the mains, measured in a feeder pillar or a building.

Wiring: A and B of the meter to A and B of an RS485 adapter, 120 ohm across both ends of the line. It comes as unit 1
with 9600 baud, 8N1. Phases are the channels l1, l2 and l3; `power` without a channel is that of all together, and is
below zero while the site exports. A phase that is not connected says 0 V. Source: Eastron SDM630 Modbus protocol V1.5.
"""

from __future__ import annotations

from drivers.eastron import TOTALS, Eastron, line_settings
from drivers.modbus_map import UNIT, Register, octets, quantities
from drivers.reading import Quantity

PHASES = ("l1", "l2", "l3")
EACH = ((Quantity.VOLTAGE, 0x00), (Quantity.CURRENT, 0x06), (Quantity.POWER, 0x0C))
MAP = (
    Register(Quantity.POWER, 0x34),
    *(Register(quantity, at + 2 * number, phase) for quantity, at in EACH for number, phase in enumerate(PHASES)),
    *TOTALS,
)


class SDM630(Eastron):
    """Voltage, current and power of each phase, power, energy both ways, frequency."""

    name = "sdm630"
    title = "Eastron SDM630: energy meter, three phases"
    datasheet = "https://www.eastroneurope.com/products/view/sdm630modbus"
    settings = (UNIT, *line_settings(9600))
    map = MAP
    measures = quantities(MAP)
    bus_bytes = octets(MAP)
