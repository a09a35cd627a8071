"""From the compiled board to runners: sensors that share a bus share a runner, and with it a thread.

The files that the kernel keeps for 1-Wire devices lie in one folder each, beside each other: those that hang on one
wire are one bus. What sensors say is written on one blackboard, where their neighbours find it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import cast

from drivers import catalog
from drivers.driver import Driver, FileDriver, I2CDriver, SerialDriver
from drivers.guests import Unfit
from drivers.lines import LinesDriver
from drivers.stream import StreamDriver
from edge.buses.port import PortOpener
from edge.buses.segment import segment
from edge.runners.blackboard import Blackboard
from edge.runners.host import HostRunner
from edge.runners.lines import LinesRunner
from edge.runners.runner import Runner
from edge.runners.seat import Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import FileRunner, I2CRunner, SerialRunner
from edge.runners.voice import Terms
from edge.vitals import Vitals
from edge.wiring import SensorPlan

TermsFor = Callable[[SensorPlan], Terms]


def runners_for(
    sensors: Sequence[SensorPlan], ports: PortOpener, host_root: Path = Path("/"), commit_ms: int = 0
) -> list[Runner]:
    """One runner per I2C bus with its segments, serial port, folder of files, counting sensor, and the host's vitals.
    What open windows hold is told every `commit_ms`, for keeping; 0: never.

    Opens nothing yet. Raises KeyError for an unknown driver and ValueError for settings that it does not allow: a board
    that was checked has neither.
    """
    board = Blackboard()
    for plan in sensors:
        board.place(plan.name, plan.beside)
    terms = partial(terms_of, board=board, commit_ms=commit_ms)
    return [
        *_i2c(sensors, ports, terms),
        *_serial(sensors, ports, terms),
        *_files(sensors, ports, terms),
        *_lines(sensors, ports, terms),
        *_host(sensors, host_root),
    ]


def driver_for(plan: SensorPlan, host_root: Path = Path("/")) -> Driver:
    """The driver that a board names, with the settings that it chose."""
    if plan.driver == Vitals.name:
        return Vitals(host_root, **plan.settings)
    return catalog.driver(plan.driver)(**plan.settings)


def unable(sensors: Sequence[SensorPlan]) -> dict[str, str]:
    """Sensors whose driver can not be had any more, and why: its package left or changed since it was checked."""
    found = {}
    for plan in sensors:
        try:
            driver_for(plan)
        except Unfit as unfit:
            found[plan.name] = str(unfit)
        except KeyError:
            found[plan.name] = f"no driver {plan.driver!r} is installed any more"
        except ValueError as error:
            found[plan.name] = str(error)
    return found


def terms_of(plan: SensorPlan, board: Blackboard, commit_ms: int = 0) -> Terms:
    """What the board asks of this sensor beyond its interval."""
    return Terms(plan.window_ms, plan.rest, plan.beside, board, commit_ms)


def _i2c(sensors: Sequence[SensorPlan], ports: PortOpener, terms_for: TermsFor) -> list[Runner]:
    buses: dict[str, list[Seat]] = {}
    for plan in sensors:
        if plan.bus_kind == "i2c":
            driver = cast(I2CDriver, driver_for(plan))
            address = driver.default_address if plan.address is None else plan.address
            root = segment(plan.bus).root
            behind = plan.bus if plan.bus != root else ""
            seat = Seat(plan.name, driver, plan.interval_ms, address, terms_for(plan), behind)
            buses.setdefault(root, []).append(seat)
    return [I2CRunner(partial(ports.i2c, bus), seats, bus, ports.i2c) for bus, seats in buses.items()]


def _serial(sensors: Sequence[SensorPlan], ports: PortOpener, terms_for: TermsFor) -> list[Runner]:
    found: list[Runner] = []
    asked: dict[str, tuple[SerialDriver, list[Seat]]] = {}
    for plan in sensors:
        if plan.bus_kind != "uart":
            continue
        driver, terms = driver_for(plan), terms_for(plan)
        if isinstance(driver, StreamDriver):
            opener = partial(ports.serial, plan.bus, driver.line)
            found.append(StreamRunner(plan.name, driver, plan.interval_ms, opener, terms))
        else:
            asking = cast(SerialDriver, driver)
            seat = Seat(plan.name, asking, plan.interval_ms, None, terms)
            asked.setdefault(plan.bus, (asking, []))[1].append(seat)
    return found + [
        SerialRunner(partial(ports.serial, port, first.line), seats) for port, (first, seats) in asked.items()
    ]


def _files(sensors: Sequence[SensorPlan], ports: PortOpener, terms_for: TermsFor) -> list[Runner]:
    folders: dict[PurePath, list[Seat]] = {}
    for plan in sensors:
        if plan.bus_kind == "file":
            driver = cast(FileDriver, driver_for(plan))
            seat = Seat(plan.name, driver, plan.interval_ms, plan.bus, terms_for(plan))
            folders.setdefault(PurePath(plan.bus).parent.parent, []).append(seat)
    return [FileRunner(ports.files, seats) for seats in folders.values()]


def _lines(sensors: Sequence[SensorPlan], ports: PortOpener, terms_for: TermsFor) -> list[Runner]:
    found: list[Runner] = []
    for plan in sensors:
        if plan.bus_kind == "gpio":
            opener = partial(ports.lines, plan.bus, tuple(plan.pins.values()), plan.bias, plan.active_low)
            driver, terms = cast(LinesDriver, driver_for(plan)), terms_for(plan)
            found.append(LinesRunner(plan.name, driver, plan.interval_ms, plan.pins, opener, terms))
    return found


def _host(sensors: Sequence[SensorPlan], root: Path) -> list[Runner]:
    plans = [plan for plan in sensors if plan.bus_kind == "host"]
    return [HostRunner(plan.name, Vitals(root, **plan.settings), plan.interval_ms) for plan in plans]
