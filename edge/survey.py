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
from drivers.tca9548a import CHANNELS, TCA9548A
from edge.buses.port import I2CPort, PortOpener, SerialPort
from edge.buses.segment import segment
from edge.listening import Heard, Opener, listen
from edge.scan import Found, close_muxes, held_by_kernel, i2c_buses, scan_i2c, serial_ports, users_of
from edge.wiring import SensorPlan


def survey(
    ports: PortOpener,
    pause: Callable[[float], None],
    board: Sequence[SensorPlan] = (),
    keep: bool = False,
    root: Path = Path("/"),
) -> dict[str, object]:
    """What answers where. Addresses on the board are named and left alone when `keep`, as are open ports."""
    roots = [segment(plan.bus).root for plan in board if plan.bus_kind == "i2c"]
    found: list[dict[str, object]] = []
    for bus in dict.fromkeys([*i2c_buses(root), *roots]):
        found += _tree(bus, frozenset(), ports.i2c, pause, board, keep, root)
    return {"i2c": found, "serial": _serial(ports.serial, pause, board, keep, root)}


def _tree(
    bus: str, heard: frozenset[int], open_i2c: Callable[[str], I2CPort], pause: Callable[[float], None],
    board: Sequence[SensorPlan], keep: bool, root: Path,
) -> list[dict[str, object]]:  # fmt: skip
    """A bus, and what lies behind the muxes that answer on it, where there is something."""
    top, rows = _bus(bus, heard, open_i2c, pause, board, keep, root)
    found = [top]
    nearer = heard | {row.address for row in rows}
    for mux in (row.address for row in rows if TCA9548A.name in row.drivers):
        for channel in CHANNELS:
            behind = _tree(f"{bus}/0x{mux:02x}.{channel}", nearer, open_i2c, pause, board, keep, root)
            found += [each for each in behind if each["found"] or each["error"]]
    return found


def _bus(
    bus: str, heard: frozenset[int], open_i2c: Callable[[str], I2CPort], pause: Callable[[float], None],
    board: Iterable[SensorPlan], keep: bool, root: Path,
) -> tuple[dict[str, object], list[Found]]:  # fmt: skip
    """A bus or segment; `heard` are addresses that hang nearer to the node and are heard here, too."""
    held = held_by_kernel(bus, root)
    ours = {plan.address: plan for plan in board if plan.bus == bus and plan.address is not None}
    if keep:
        held |= {address: f"sensor {plan.name} ({plan.driver})" for address, plan in ours.items()}
    try:
        port = open_i2c(bus)
        try:
            close_muxes(port, pause, heard | held.keys())
            rows = scan_i2c(bus, port, catalog.drivers(), pause, held, heard)
        finally:
            if not keep:
                port.close()
    except BusFault as error:
        return {"bus": bus, "error": str(error), "found": []}, []
    return {"bus": bus, "error": "", "found": [
        {"address": row.address, "drivers": list(row.drivers), "held_by": row.held_by,
         "sensor": ours[row.address].name if row.address in ours else ""}
        for row in rows
    ]}, rows  # fmt: skip


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
