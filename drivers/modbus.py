"""Any Modbus device, described in the board file alone: which quantity lies in which register, and how.

    [[sensor.settings.registers]]
    quantity = "temperature"
    register = 1
    kind = "input"
    type = "s16"
    scale = 0.1

Register numbers are those on the wire, counted from 0: a manual that writes 30001 or 40001 means register 0 of kind
input or holding. Over RS485 the port is a serial one (`framing = "rtu"`); a device or gateway on the network has
`port = "tcp://192.0.2.7:502"` and `framing = "tcp"`, or `"rtu over tcp"` where the gateway only carries bytes. Names
ending in `le` have the low word first. Nothing is ever written. Places and speeds of vehicles cannot be had here.

Without a table it reads the thermo-hygrometer XY-MD02 (two input registers from 1, tenths), to try a line with.
"""

from __future__ import annotations

from drivers.hearsay import MAY_BE_TOLD
from drivers.modbus_map import BAUD, PARITY, STOP, SWAPPED, TYPES, UNIT, Register, RegisterDriver, octets
from drivers.reading import Quantity
from drivers.rtu import FRAMINGS
from drivers.setting import Chosen, Row, Setting, Table

XY_MD02: tuple[Row, ...] = (
    {"quantity": "temperature", "register": 1, "kind": "input", "type": "s16", "scale": 0.1},
    {"quantity": "humidity", "register": 2, "kind": "input", "type": "u16", "scale": 0.1},
)
COLUMNS = (
    Setting("quantity", "", "what it is", MAY_BE_TOLD, required=True),
    Setting("channel", "", "which of several: l1, in, north"),
    Setting("register", 0, "number of the (first) register, counted from 0", (), 0, 0xFFFF, required=True),
    Setting("kind", "holding", "holding (function 3) or input (function 4)", ("holding", "input")),
    Setting("type", "u16", "how the number is written", (*TYPES, *SWAPPED)),
    Setting("scale", 1.0, "times this: value = raw * scale + offset"),
    Setting("offset", 0.0, "plus this"),
    Setting("absent", -1, "the raw content, unsigned, that means no value; -1: none does", (), -1, 0xFFFF_FFFF),
)


class Modbus(RegisterDriver):
    """What its board says."""

    name = "modbus"
    title = "Modbus RTU or TCP: any device, by its register map"
    datasheet = "https://www.modbus.org/modbus-specifications"
    settings = (
        Setting("unit", 1, "number of the unit; over TCP some devices want 0 or 255", (), 0, 255),
        Setting("framing", "rtu", "how frames are written: rtu, tcp, or rtu over tcp", FRAMINGS),
        BAUD, PARITY, STOP,
    )  # fmt: skip
    tables = (Table("registers", COLUMNS, "where each quantity lies", XY_MD02, least=1, required=True),)
    still_s = 0.0  # nobody knows what hangs there

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError for a map that contradicts itself."""
        super().__init__(**settings)
        registers = tuple(register(row) for row in self.rows["registers"])
        check(registers)
        self.lay(registers)
        self.bus_bytes = octets(registers)
        if self.unit.framing != "tcp" and UNIT.refusal(self.chosen["unit"]):
            raise ValueError("modbus.unit must lie between 1 and 247 on a line")


def check(registers: tuple[Register, ...]) -> None:
    """Raises ValueError for a map that contradicts itself."""
    names = [(one.quantity, one.channel) for one in registers]
    for number, (one, name) in enumerate(zip(registers, names, strict=True), 1):
        if name in names[: number - 1]:
            raise ValueError(f"modbus.registers[{number}] gives the same quantity and channel as one before it")
        if not one.scale:
            raise ValueError(f"modbus.registers[{number}].scale must not be 0")
        if one.address + one.words > 0x10000:
            raise ValueError(f"modbus.registers[{number}].register leaves no room for a {one.type}")


def register(row: Row) -> Register:
    """A row of the board as a place in the map."""
    return Register(
        Quantity[str(row["quantity"]).upper()], int(row["register"]), str(row["channel"]), str(row["kind"]),
        str(row["type"]), float(row["scale"]), float(row["offset"]), int(row["absent"]),
    )  # fmt: skip
