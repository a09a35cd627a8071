"""Whether each sensor fits its driver, and its neighbours.

Pydantic has seen to the types; here is what only the catalog knows: which bus a driver speaks, which addresses and
settings it has, how fast it may be asked, and that no two sensors share an address, a port or a pin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Protocol

from drivers.catalog import ALSO, CATALOG, driver
from drivers.driver import Driver, I2CDriver, SerialDriver
from drivers.lines import LinesDriver
from drivers.stream import StreamDriver
from edge.mistake import Mistake, meant, shown
from edge.wiring import BusKind, SensorPlan

VITALS = "vitals"
PEOPLE_WINDOW_MS = 300_000
WHERE: dict[BusKind, str] = {"i2c": "bus", "uart": "port", "gpio": "pins", "host": ""}
Value = bool | int | float | str


class SensorTable(Protocol):
    """The face of `edge.board.Sensor`, which imports us."""

    @property
    def name(self) -> str: ...
    @property
    def driver(self) -> str: ...
    @property
    def bus(self) -> str | None: ...
    @property
    def address(self) -> int | None: ...
    @property
    def port(self) -> str | None: ...
    @property
    def chip(self) -> str: ...
    @property
    def pins(self) -> Mapping[str, int]: ...
    @property
    def interval(self) -> int | None: ...
    @property
    def window(self) -> int | None: ...
    @property
    def bias(self) -> str: ...
    @property
    def active_low(self) -> bool: ...
    @property
    def settings(self) -> Mapping[str, Value]: ...


def misfits(sensors: Mapping[str, SensorTable], simulated: bool) -> list[Mistake]:
    """Every way in which these sensors (by key in the file) do not fit."""
    mistakes: list[Mistake] = []
    for key, sensor in sensors.items():
        mistakes += _alone(key, sensor, simulated)
    return mistakes + list(_together(sensors))


def kind(found: type[Driver] | None) -> BusKind:
    """The bus that a driver speaks; no driver means the host's own vitals."""
    if found is None:
        return "host"
    if issubclass(found, I2CDriver):
        return "i2c"
    return "uart" if issubclass(found, SerialDriver | StreamDriver) else "gpio"


def _alone(key: str, sensor: SensorTable, simulated: bool) -> Iterator[Mistake]:
    if sensor.driver == VITALS:
        yield from _where(key, sensor, "host")
        return
    if sensor.driver not in CATALOG and sensor.driver not in ALSO:
        names = [*CATALOG, *ALSO, VITALS]
        yield Mistake(f"{key}.driver", shown(sensor.driver), "no such driver", meant(sensor.driver, names))
        return
    found = driver(sensor.driver)
    yield from _where(key, sensor, kind(found))
    yield from _settings(key, sensor, found)
    yield from _pace(key, sensor, found, simulated)
    if issubclass(found, I2CDriver):
        yield from _address(key, sensor, found)
    if issubclass(found, LinesDriver):
        yield from _pins(key, sensor, found)


def _where(key: str, sensor: SensorTable, speaks: BusKind) -> Iterator[Mistake]:
    wanted = WHERE[speaks]
    given = {"bus": sensor.bus, "port": sensor.port, "pins": sensor.pins}
    examples = {"bus": 'bus = "i2c-1"', "port": 'port = "/dev/serial/by-id/…"', "pins": "pins = { … }"}
    if wanted and not given[wanted]:
        yield Mistake(f"{key}.{wanted}", "", f"{sensor.driver} needs it", f"Add {examples[wanted]}.")
    for other, value in given.items():
        if other != wanted and value:
            yield Mistake(f"{key}.{other}", shown(value), f"{sensor.driver} has none", f"Take {other} out.")
    if sensor.address is not None and speaks != "i2c":
        yield Mistake(f"{key}.address", hex(sensor.address), f"{sensor.driver} has none", "Take address out.")


def _settings(key: str, sensor: SensorTable, found: type[Driver]) -> Iterator[Mistake]:
    known = {setting.name: setting for setting in found.settings}
    for name, value in sensor.settings.items():
        at = f"{key}.settings.{name}"
        if name not in known:
            words = meant(name, known) if known else "Take it out."
            yield Mistake(at, shown(value), f"{found.name} has no such setting", words)
        elif reason := known[name].refusal(value):
            yield Mistake(at, shown(value), reason, f"The default is {shown(known[name].default)}.")


def _pace(key: str, sensor: SensorTable, found: type[Driver], simulated: bool) -> Iterator[Mistake]:
    lines = issubclass(found, LinesDriver)
    wrong, right = ("interval", "window") if lines else ("window", "interval")
    value = sensor.interval if lines else sensor.window
    if value is not None:
        yield Mistake(f"{key}.{wrong}", f"{value / 1000:g}s", f"{found.name} has a {right}", f"Write {right} = …")
    slowest = round(found.interval_min_s * 1_000)
    if not lines and sensor.interval is not None and sensor.interval < slowest:
        least = f"{found.interval_min_s:g}s"
        yield Mistake(f"{key}.interval", f"{sensor.interval / 1000:g}s", f"{found.name} measures no faster than "
                      f"every {least}", f'Write interval = "{least}" or more.')  # fmt: skip
    if issubclass(found, LinesDriver) and not simulated and _counts_people(sensor, found):
        yield from _people(key, sensor)


def _counts_people(sensor: SensorTable, found: type[LinesDriver]) -> bool:
    """Some drivers count people always, some when a setting says so."""
    try:
        return found(**sensor.settings).counts_people
    except ValueError:  # a wrong setting is told elsewhere
        return found.counts_people


def _people(key: str, sensor: SensorTable) -> Iterator[Mistake]:
    if sensor.window is not None and sensor.window < PEOPLE_WINDOW_MS:
        yield Mistake(f"{key}.window", f"{sensor.window / 1000:g}s", "people are counted over 300s or more, so that "
                      "no count points at a person", 'Write window = "300s" or leave it out.')  # fmt: skip


def _address(key: str, sensor: SensorTable, found: type[I2CDriver]) -> Iterator[Mistake]:
    if sensor.address is not None and sensor.address not in found.addresses:
        there = " or ".join(f"0x{address:02x}" for address in found.addresses)
        yield Mistake(f"{key}.address", f"0x{sensor.address:02x}", f"a {found.name} answers at {there}",
                      f"Write address = 0x{found.default_address:02x}.")  # fmt: skip


def _pins(key: str, sensor: SensorTable, found: type[LinesDriver]) -> Iterator[Mistake]:
    roles = ", ".join(f"{line} = …" for line in found.lines)
    for role, pin in sensor.pins.items():
        if role not in found.lines:
            yield Mistake(f"{key}.pins.{role}", str(pin), f"{found.name} has no such line", meant(role, found.lines))
    if missing := [line for line in found.lines if line not in sensor.pins] if sensor.pins else []:
        yield Mistake(f"{key}.pins", "", f"{found.name} needs {', '.join(missing)} too", f"Write pins = {{ {roles} }}.")


def _together(sensors: Mapping[str, SensorTable]) -> Iterator[Mistake]:
    seen: dict[object, str] = {}
    for key, sensor in sensors.items():
        for place, at, value in _places(key, sensor):
            if place in seen:
                yield Mistake(at, value, f"already taken by {seen[place]}", "Give each sensor its own.")
            seen.setdefault(place, f"{key} ({sensor.name})")


def _places(key: str, sensor: SensorTable) -> Iterator[tuple[object, str, str]]:
    yield ("name", sensor.name), f"{key}.name", shown(sensor.name)
    if sensor.port:
        yield ("port", sensor.port), f"{key}.port", shown(sensor.port)
    if sensor.bus and (sensor.driver in CATALOG or sensor.driver in ALSO):
        address = _at(sensor)
        if address is not None:
            yield ("i2c", device(sensor.bus), address), f"{key}.address", f"0x{address:02x}"
    for role, pin in sensor.pins.items():
        yield ("pin", sensor.chip, pin), f"{key}.pins.{role}", str(pin)


def _at(sensor: SensorTable) -> int | None:
    found = driver(sensor.driver)
    return (sensor.address or found.default_address) if issubclass(found, I2CDriver) else None


def device(name: str) -> str:
    """`i2c-1` is `/dev/i2c-1`; a path stays a path."""
    return str(PurePosixPath("/dev") / name)


def plan(sensor: SensorTable) -> SensorPlan:
    """The compiled form of a sensor that fits."""
    found = None if sensor.driver == VITALS else driver(sensor.driver)
    speaks = kind(found)
    place = {"i2c": sensor.bus, "uart": sensor.port, "gpio": sensor.chip, "host": "host"}[speaks] or ""
    pace = sensor.window or PEOPLE_WINDOW_MS if speaks == "gpio" else sensor.interval
    return SensorPlan(
        name=sensor.name,
        driver=found.name if found else VITALS,
        bus_kind=speaks,
        bus=place if speaks == "host" else device(place),
        address=_at(sensor) if found else None,
        pins=dict(sensor.pins),
        interval_ms=pace or _default_pace(found),
        settings=dict(sensor.settings),
        bias=sensor.bias,
        active_low=sensor.active_low,
    )


def _default_pace(found: type[Driver] | None) -> int:
    return 60_000 if found is None else max(10_000, round(found.interval_min_s * 1_000))
