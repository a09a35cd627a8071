"""Eastron SDM120: one phase of the mains, measured in the cabinet of a lamp post or a charging point.

Wiring: A and B of the meter to A and B of an RS485 adapter, 120 ohm across both ends of the line. It comes as unit 1
with 2400 baud, 8N1: set another number in its menu before a second one joins the line. `power` is below zero while it
exports. Source: Eastron SDM120 Modbus protocol V2.4; register addresses in hexadecimal there and here.
"""

from __future__ import annotations

from drivers.eastron import TOTALS, Eastron, line_settings
from drivers.modbus_map import UNIT, Register, octets, quantities
from drivers.reading import Quantity

MAP = (
    Register(Quantity.VOLTAGE, 0x00), Register(Quantity.CURRENT, 0x06), Register(Quantity.POWER, 0x0C), *TOTALS,
)  # fmt: skip


class SDM120(Eastron):
    """Voltage, current, power, energy both ways, frequency."""

    name = "sdm120"
    title = "Eastron SDM120: energy meter, one phase"
    datasheet = "https://www.eastroneurope.com/products/view/sdm120modbus"
    settings = (UNIT, *line_settings(2400))
    map = MAP
    measures = quantities(MAP)
    bus_bytes = octets(MAP)
