"""From the compiled board to runners: sensors that share a bus share a runner, and with it a thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

from drivers import catalog
from drivers.driver import Driver, I2CDriver, SerialDriver
from drivers.lines import LinesDriver
from drivers.stream import StreamDriver
from edge.buses.port import PortOpener
from edge.runners.host import HostRunner
from edge.runners.lines import LinesRunner
from edge.runners.runner import Runner
from edge.runners.seat import Seat
from edge.runners.streams import StreamRunner
from edge.runners.talks import I2CRunner, SerialRunner
from edge.vitals import Vitals
from edge.wiring import SensorPlan


def runners_for(sensors: Sequence[SensorPlan], ports: PortOpener, host_root: Path = Path("/")) -> list[Runner]:
    """One runner per I2C bus, serial port, counting sensor, and the host's vitals.

    Opens nothing yet. Raises KeyError for an unknown driver and ValueError for settings that it does not allow: a board
    that was checked has neither.
    """
    return _i2c(sensors, ports) + _serial(sensors, ports) + _lines(sensors, ports) + _host(sensors, host_root)


def driver_for(plan: SensorPlan) -> Driver:
    """The driver that a board names, with the settings that it chose."""
    return catalog.driver(plan.driver)(**plan.settings)


def _i2c(sensors: Sequence[SensorPlan], ports: PortOpener) -> list[Runner]:
    buses: dict[str, list[Seat]] = {}
    for plan in sensors:
        if plan.bus_kind == "i2c":
            driver = cast(I2CDriver, driver_for(plan))
            address = driver.default_address if plan.address is None else plan.address
            buses.setdefault(plan.bus, []).append(Seat(plan.name, driver, plan.interval_ms, address))
    return [I2CRunner(partial(ports.i2c, bus), seats) for bus, seats in buses.items()]


def _serial(sensors: Sequence[SensorPlan], ports: PortOpener) -> list[Runner]:
    found: list[Runner] = []
    asked: dict[str, tuple[SerialDriver, list[Seat]]] = {}
    for plan in sensors:
        if plan.bus_kind != "uart":
            continue
        driver = driver_for(plan)
        if isinstance(driver, StreamDriver):
            opener = partial(ports.serial, plan.bus, driver.line)
            found.append(StreamRunner(plan.name, driver, plan.interval_ms, opener))
        else:
            asking = cast(SerialDriver, driver)
            asked.setdefault(plan.bus, (asking, []))[1].append(Seat(plan.name, asking, plan.interval_ms))
    return found + [
        SerialRunner(partial(ports.serial, port, first.line), seats) for port, (first, seats) in asked.items()
    ]


def _lines(sensors: Sequence[SensorPlan], ports: PortOpener) -> list[Runner]:
    found: list[Runner] = []
    for plan in sensors:
        if plan.bus_kind == "gpio":
            opener = partial(ports.lines, plan.bus, tuple(plan.pins.values()), plan.bias, plan.active_low)
            driver = cast(LinesDriver, driver_for(plan))
            found.append(LinesRunner(plan.name, driver, plan.interval_ms, plan.pins, opener))
    return found


def _host(sensors: Sequence[SensorPlan], root: Path) -> list[Runner]:
    plans = [plan for plan in sensors if plan.bus_kind == "host"]
    return [HostRunner(plan.name, Vitals(root, **plan.settings), plan.interval_ms) for plan in plans]
