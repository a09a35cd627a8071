"""`edge scan`: every I2C bus and serial port of the node, with what is on it, as JSON for people and programs.

Serial ports are listened to side by side, each in a thread of its own, so that many take no longer than one. One that
a running agent or somebody else holds is left alone and named.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from drivers import catalog
from drivers.driver import Driver, SerialLine
from drivers.errors import BusFault
from edge.buses.port import I2CPort, PortOpener, SerialPort
from edge.listening import Heard, Opener, listen
from edge.scan import held_by_kernel, i2c_buses, scan_i2c, serial_ports, users_of
from edge.wiring import SensorPlan


def survey(
    ports: PortOpener,
    pause: Callable[[float], None],
    board: Sequence[SensorPlan] = (),
    keep: bool = False,
    root: Path = Path("/"),
) -> dict[str, object]:
    """What answers where. Addresses on the board are named and left alone when `keep`, as are open ports."""
    buses = list(dict.fromkeys([*i2c_buses(root), *(plan.bus for plan in board if plan.bus_kind == "i2c")]))
    found = [_bus(bus, ports.i2c, pause, board, keep, root) for bus in buses]
    return {"i2c": found, "serial": _serial(ports.serial, pause, board, keep, root)}


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


def _serial(
    open_serial: Callable[[str, SerialLine], SerialPort], pause: Callable[[float], None],
    board: Iterable[SensorPlan], keep: bool, root: Path,
) -> list[dict[str, object]]:  # fmt: skip
    ours = {os.path.realpath(plan.bus): plan for plan in board if plan.bus_kind == "uart"}
    known, rows, threads = list(catalog.drivers()), [], []
    for found in serial_ports(root):
        plan = ours.get(found.device)
        where = {"path": found.path, "device": found.device, "sensor": plan.name if plan else "", "held_by": ""}
        row = {**where, **_told(Heard())}
        rows.append(row)
        if plan is not None and keep:
            row["held_by"] = f"sensor {plan.name} ({plan.driver})"
        elif user := users_of(found.device, root):
            row["held_by"] = user
        else:
            threads.append(threading.Thread(target=_hear, args=(row, partial(open_serial, found.path), known, pause)))
            threads[-1].start()
    for thread in threads:
        thread.join()
    return rows


def _hear(
    row: dict[str, object], open_port: Opener, known: Sequence[type[Driver]], pause: Callable[[float], None]
) -> None:
    row |= _told(listen(open_port, known, pause))


def _told(heard: Heard) -> dict[str, object]:
    return {"drivers": list(heard.drivers), "line": heard.line, "asked": list(heard.asked), "bytes": heard.octets,
            "error": heard.error}  # fmt: skip
