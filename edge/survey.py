"""`edge scan`: every I2C bus and serial port of the node, with what is on it, as JSON for people and programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from drivers import catalog
from drivers.errors import BusFault
from edge.buses.port import I2CPort
from edge.scan import held_by_kernel, i2c_buses, scan_i2c, serial_ports
from edge.wiring import SensorPlan


def survey(
    open_i2c: Callable[[str], I2CPort],
    pause: Callable[[float], None],
    board: Sequence[SensorPlan] = (),
    keep: bool = False,
    root: Path = Path("/"),
) -> dict[str, object]:
    """What answers where. Addresses on the board are named and left alone when `keep`, as are open ports."""
    buses = list(dict.fromkeys([*i2c_buses(root), *(plan.bus for plan in board if plan.bus_kind == "i2c")]))
    found = [_bus(bus, open_i2c, pause, board, keep, root) for bus in buses]
    return {"i2c": found, "serial": _serial(board, root)}


def _bus(
    bus: str, open_i2c: Callable[[str], I2CPort], pause: Callable[[float], None],
    board: Iterable[SensorPlan], keep: bool, root: Path,
) -> dict[str, object]:  # fmt: skip
    held = held_by_kernel(bus, root)
    ours = {plan.address: plan for plan in board if plan.bus == bus and plan.address is not None}
    if keep:
        held |= {address: f"sensor {plan.name} ({plan.driver})" for address, plan in ours.items()}
    try:
        port = open_i2c(bus)
        try:
            rows = scan_i2c(bus, port, catalog.drivers(), pause, held)
        finally:
            if not keep:
                port.close()
    except BusFault as error:
        return {"bus": bus, "error": str(error), "found": []}
    return {"bus": bus, "error": "", "found": [
        {"address": row.address, "drivers": list(row.drivers), "held_by": row.held_by,
         "sensor": ours[row.address].name if row.address in ours else ""}
        for row in rows
    ]}  # fmt: skip


def _serial(board: Iterable[SensorPlan], root: Path) -> list[dict[str, object]]:
    named = {plan.bus: plan.name for plan in board if plan.bus_kind == "uart"}
    rows = serial_ports(root)
    return [{"path": row.path, "device": row.device, "sensor": named.get(row.path) or named.get(row.device, "")}
            for row in rows]  # fmt: skip
