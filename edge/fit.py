"""Whether each sensor fits its driver, as the first half of what only the catalog knows; `edge.places` has the other.

Pydantic has seen to the shape of the file. Here: which bus a driver speaks and what it needs to be named, which
addresses, settings and rows of settings it has, how fast it may be asked, what may be counted over which window, and
whether a sensor may rest or lean on a neighbour. Everything is found before anything is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any, Protocol

from drivers.catalog import ALSO, driver, names
from drivers.driver import Driver, FileDriver, I2CDriver, SerialDriver
from drivers.guests import Unfit
from drivers.landlord import LandlordDriver
from drivers.lines import LinesDriver
from drivers.reading import Quantity
from drivers.stream import StreamDriver
from drivers.window import Windowed
from edge.mistake import Mistake, meant, shown
from edge.naming import unlike
from edge.wiring import BusKind, SensorPlan

VITALS = "vitals"
PEOPLE_WINDOW_MS = 300_000
PASSING = (Quantity.PRESENCE, Quantity.COUNT, Quantity.COUNT_TOTAL)  # told each second, they tell who passed when
WHERE: dict[BusKind, str] = {"i2c": "bus", "uart": "port", "gpio": "pins", "file": "file", "host": ""}
EXAMPLES = {
    "bus": 'bus = "i2c-1"',
    "port": 'port = "/dev/serial/by-id/…"',
    "pins": "pins = { … }",
    "file": 'file = "/sys/bus/w1/devices/28-…/w1_slave"',
}


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
    def file(self) -> str | None: ...
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
    def rest(self) -> bool: ...
    @property
    def beside(self) -> str | None: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """A sensor of the file beside its driver: `made` as far as its settings allow; None for the host's vitals."""

    key: str
    table: SensorTable
    speaks: BusKind
    made: Driver | None

    @property
    def address(self) -> int | None:
        """Where it answers on its bus; None off I2C."""
        if not isinstance(self.made, I2CDriver):
            return None
        return self.made.default_address if self.table.address is None else self.table.address

    @property
    def pace_ms(self) -> int:
        """How often it is reported: its interval, or its window."""
        if self.windowed:
            return self.table.window or PEOPLE_WINDOW_MS
        slowest = 60_000 if self.made is None else max(10_000, round(self.made.interval_min_s * 1_000))
        return self.table.interval or (max(slowest, PEOPLE_WINDOW_MS) if self.traces else slowest)

    @property
    def windowed(self) -> bool:
        """Whether it is reported by the window."""
        if not isinstance(self.made, Windowed):
            return False
        return self.made.must_window or self.table.window is not None

    @property
    def traces(self) -> list[str]:
        """What it tells by the interval that may be somebody's trace: whom a generic driver counts, who knows?"""
        told = [quantity.value for quantity in self.made.measures if quantity in PASSING] if self.made else []
        plain = isinstance(self.made, Windowed) and Quantity.PRESENCE.value not in told  # a lidar tells a distance then
        return [] if plain or self.windowed else told

    @property
    def asked_ms(self) -> int:
        """How often it is asked, which may be more often than it is reported."""
        if isinstance(self.made, Windowed) and self.windowed:
            return max(1, round(self.made.window_look_s * 1_000))
        return round(self.made.look_s * 1_000) if self.made and self.made.look_s else self.pace_ms


def fitted(sensors: Mapping[str, SensorTable]) -> list[Fitted]:
    """Each sensor whose driver there is, with the driver made from what settings it allows."""
    found = []
    for key, table in sensors.items():
        if table.driver == VITALS:
            found.append(Fitted(key, table, "host", None))
        elif (kind := known(table.driver)) is not None:
            found.append(Fitted(key, table, speaks(kind), _made(kind, table)))
    return found


def known(name: str) -> type[Driver] | None:
    """The driver of this name; None when there is none."""
    try:
        return driver(name)
    except KeyError:
        return None


def speaks(kind: type[Driver]) -> BusKind:
    """The bus that a driver speaks."""
    if issubclass(kind, I2CDriver):
        return "i2c"
    if issubclass(kind, FileDriver):
        return "file"
    return "uart" if issubclass(kind, SerialDriver | StreamDriver) else "gpio"


def _made(kind: type[Driver], table: SensorTable) -> Driver:
    wrong = {re.split(r"[.\[]", name)[0] for name, _, _ in _wrong_settings(kind, table)}
    try:
        return kind(**{name: value for name, value in table.settings.items() if name not in wrong})
    except ValueError:  # told by `_settings`
        return kind()


def misfits(sensors: Mapping[str, SensorTable], simulated: bool) -> list[Mistake]:
    """Every way in which one of these sensors (by key in the file) does not fit its own driver."""
    mistakes = [mistake for key, sensor in sensors.items() for mistake in _named(key, sensor)]
    for fit in fitted(sensors):
        mistakes += _where(fit)
        if fit.made is not None:
            mistakes += [*_settings(fit), *_pace(fit, simulated), *_place(fit), *_rest(fit), *_beside(fit, sensors)]
    return mistakes


def _named(key: str, sensor: SensorTable) -> Iterator[Mistake]:
    if sensor.driver == VITALS or known(sensor.driver) is not None:
        return
    try:
        driver(sensor.driver)
    except Unfit as unfit:
        yield Mistake(f"{key}.driver", shown(sensor.driver), str(unfit))
    except KeyError:
        words = meant(sensor.driver, [*names(), *ALSO, VITALS])
        yield Mistake(f"{key}.driver", shown(sensor.driver), "no such driver", words)


def _where(fit: Fitted) -> Iterator[Mistake]:
    key, sensor, wanted = fit.key, fit.table, WHERE[fit.speaks]
    if isinstance(fit.made, LandlordDriver):
        yield Mistake(f"{key}.driver", shown(sensor.driver), "it measures nothing and needs no table of its own",
                      f"Name it in the sensors that it helps: {fit.made.helps}.")  # fmt: skip
    given = {"bus": sensor.bus, "port": sensor.port, "pins": sensor.pins, "file": sensor.file}
    if wanted and not given[wanted]:
        yield Mistake(f"{key}.{wanted}", "", f"{sensor.driver} needs it", f"Add {EXAMPLES[wanted]}.")
    for other, value in given.items():
        if other != wanted and value:
            yield Mistake(f"{key}.{other}", shown(value), f"{sensor.driver} has none", f"Take {other} out.")
    if sensor.address is not None and fit.speaks != "i2c":
        yield Mistake(f"{key}.address", hex(sensor.address), f"{sensor.driver} has none", "Take address out.")


def _wrong_settings(kind: type[Driver], table: SensorTable) -> Iterator[tuple[str, object, str]]:
    """Name or place of a setting, what stands there, why it may not."""
    scalars = {setting.name: setting for setting in kind.settings}
    tables = {found.name: found for found in kind.tables}
    for name, value in table.settings.items():
        if name in tables:
            yield from ((f"{name}{at}", stands, why) for at, stands, why in tables[name].refusals(value))
        elif name not in scalars:
            yield name, value, f"{kind.name} has no such setting"
        elif reason := scalars[name].refusal(value):
            yield name, value, reason


def _settings(fit: Fitted) -> Iterator[Mistake]:
    assert fit.made is not None
    kind = type(fit.made)
    defaults = {setting.name: shown(setting.default) for setting in kind.settings}
    every = [*defaults, *(table.name for table in kind.tables)]
    wrong = list(_wrong_settings(kind, fit.table))
    for name, value, reason in wrong:
        words = f"The default is {defaults[name]}." if name in defaults else _nearest(kind, name, value)
        if "no such setting" in reason:
            words = meant(name, every) if every else "Take it out."
        yield Mistake(f"{fit.key}.settings.{name}", shown(value), reason, words)
    missing = [table for table in kind.tables if table.required and table.name not in fit.table.settings]
    for table in missing:
        yield Mistake(f"{fit.key}.settings.{table.name}", "", f"{kind.name} needs it: {table.help}",
                      f"Add [[sensor.settings.{table.name}]].")  # fmt: skip
    if not wrong and not missing:
        try:
            kind(**fit.table.settings)
        except ValueError as error:
            yield Mistake(f"{fit.key}.settings", "", str(error))


def _nearest(kind: type[Driver], place: str, value: object) -> str:
    """What may have been meant in a row of a table: by the name of a column, or by a value that is not on its list."""
    name, _, column = place.rpartition(".")
    columns = next((table.columns for table in kind.tables if name.startswith(table.name)), ())
    names = [each.name for each in columns]
    choices = next((map(str, each.choices) for each in columns if each.name == column), iter(()))
    known, word = (list(choices), str(value)) if column in names else (names, column)
    near = get_close_matches(word.lower(), known, n=1, cutoff=0.6) if word else []
    return f'Did you mean "{near[0]}"?' if near else ""


def _pace(fit: Fitted, simulated: bool) -> Iterator[Mistake]:
    made, sensor, key = fit.made, fit.table, fit.key
    assert made is not None
    if fit.windowed and sensor.interval is not None:
        yield Mistake(f"{key}.interval", f"{sensor.interval / 1000:g}s",
                      f"{made.name} has a window" if sensor.window is None else "a window stands there too",
                      "Write window = …" if sensor.window is None else "Take one of the two out.")  # fmt: skip
    if not isinstance(made, Windowed) and sensor.window is not None:
        yield Mistake(f"{key}.window", f"{sensor.window / 1000:g}s", f"{made.name} has an interval",
                      "Write interval = …")  # fmt: skip
    slowest = round(made.interval_min_s * 1_000)
    if not fit.windowed and sensor.interval is not None and sensor.interval < slowest:
        least = f"{made.interval_min_s:g}s"
        yield Mistake(f"{key}.interval", f"{sensor.interval / 1000:g}s", f"{made.name} measures no faster than "
                      f"every {least}", f'Write interval = "{least}" or more.')  # fmt: skip
    if not simulated:
        yield from _of_people(fit, made)


def _of_people(fit: Fitted, made: Driver) -> Iterator[Mistake]:
    """Who was there at which second is nobody's business: what is told of people is told over 300 s or more."""
    sensor, key = fit.table, fit.key
    people = isinstance(made, Windowed) and made.counts_people and fit.windowed
    if people and sensor.window is not None and sensor.window < PEOPLE_WINDOW_MS:
        yield Mistake(f"{key}.window", f"{sensor.window / 1000:g}s", "people are counted over 300s or more, so that "
                      "no count points at a person", 'Write window = "300s" or leave it out.')  # fmt: skip
    if fit.traces and fit.pace_ms < PEOPLE_WINDOW_MS:
        either = 'window = "300s", or ' if isinstance(made, Windowed) else ""
        yield Mistake(f"{key}.interval", f"{fit.pace_ms / 1000:g}s", f"{' and '.join(fit.traces)} may be of people and "
                      "is told every 300s or more seldom, so that it is nobody's trace",
                      f'Write {either}interval = "300s" or more.')  # fmt: skip


def _place(fit: Fitted) -> Iterator[Mistake]:
    made, sensor, key = fit.made, fit.table, fit.key
    if isinstance(made, I2CDriver):
        if sensor.address is not None and sensor.address not in made.addresses:
            there = " or ".join(f"0x{address:02x}" for address in made.addresses)
            yield Mistake(f"{key}.address", f"0x{sensor.address:02x}", f"a {made.name} answers at {there}",
                          f"Write address = 0x{made.default_address:02x}.")  # fmt: skip
        if sensor.bus:
            yield from _readable(key, "bus", sensor.bus)
    if isinstance(made, LinesDriver):
        yield from _pins(key, sensor, made)
    if fit.speaks == "uart" and sensor.port:
        yield from _readable(key, "port", sensor.port)
    if fit.speaks == "file" and sensor.file:
        yield from _readable(key, "file", sensor.file)


def _readable(key: str, name: str, path: str) -> Iterator[Mistake]:
    if why := unlike(name, path):
        yield Mistake(f"{key}.{name}", shown(path), why)


def _pins(key: str, sensor: SensorTable, made: LinesDriver) -> Iterator[Mistake]:
    yield from _readable(key, "chip", sensor.chip)
    roles = ", ".join(f"{line} = …" for line in made.lines)
    for role, pin in sensor.pins.items():
        if role not in made.lines:
            yield Mistake(f"{key}.pins.{role}", str(pin), f"{made.name} has no such line", meant(role, made.lines))
    if missing := [line for line in made.lines if line not in sensor.pins] if sensor.pins else []:
        yield Mistake(f"{key}.pins", "", f"{made.name} needs {', '.join(missing)} too", f"Write pins = {{ {roles} }}.")


def _rest(fit: Fitted) -> Iterator[Mistake]:
    made, key = fit.made, f"{fit.key}.rest"
    if not fit.table.rest or made is None:
        return
    least_s = 2 * max(made.warm_up_s, *made.warm_ups_s.values(), 5.0)
    if not made.can_rest:
        yield Mistake(key, "true", f"a {made.name} can not be put to sleep", "Take it out.")
    elif fit.windowed:
        yield Mistake(key, "true", "a sensor that is reported by the window is awake all the time", "Take it out.")
    elif fit.pace_ms < least_s * 1_000:
        yield Mistake(key, "true", f"a {made.name} takes so long to warm up that it would hardly rest",
                      f'Write interval = "{least_s:g}s" or more, or take rest out.')  # fmt: skip


def _beside(fit: Fitted, sensors: Mapping[str, SensorTable]) -> Iterator[Mistake]:
    made, name, key = fit.made, fit.table.beside, f"{fit.key}.beside"
    assert made is not None
    if name is None:
        return
    others = {other.name: other for other in sensors.values() if other is not fit.table}
    if not made.uses:
        yield Mistake(key, shown(name), f"a {made.name} has no use for a neighbour", "Take it out.")
    elif name not in others:
        yield Mistake(key, shown(name), "no other sensor has this name", meant(name, others) if others else "")
    elif (told := _tells(name, others)) is not None and not told & set(made.uses):
        wanted = " or ".join(quantity.value for quantity in made.uses)
        yield Mistake(key, shown(name), f"{name} does not measure {wanted}, which {made.name} could use")
    elif told is not None and (lacking := [one.value for one in made.needs if one not in told]):
        yield Mistake(key, shown(name), f"{name} does not tell {' and '.join(lacking)}, which {made.name} can not do "
                      "without",
                      f"Write beside = … for {name} too: what it does not measure, its neighbour tells.")  # fmt: skip


def _tells(name: str, others: Mapping[str, SensorTable]) -> set[Quantity] | None:
    """What this sensor measures, and along the chain its neighbours; None where that is not known."""
    told: set[Quantity] = set()
    asked: set[str] = set()
    while name in others and name not in asked:
        asked.add(name)
        other = others[name]
        if (kind := known(other.driver)) is None:
            return None if other.driver != VITALS else told
        told |= set(_made(kind, other).measures)
        name = other.beside or ""
    return told


def whereabouts(fits: Sequence[Fitted], mobile: bool) -> Iterator[Mistake]:
    """A node that hangs still does not tell where it is every minute: positions are for nodes declared mobile."""
    for fit in fits:
        tells = fit.made is not None and fit.made.chosen.get("position") is True
        if tells and not mobile:
            key = f"{fit.key}.settings.position"
            yield Mistake(key, "true", "positions are told by nodes that are declared mobile, and this one is not",
                          "Write position = false under [sensor.settings], or mobile = true under [site].")  # fmt: skip


def device(name: str) -> str:
    """`i2c-1` is `/dev/i2c-1`; a path stays a path, an address of the network an address."""
    return name if "://" in name else str(PurePosixPath("/dev") / name)


def plan(fit: Fitted) -> SensorPlan:
    """The compiled form of a sensor that fits."""
    sensor = fit.table
    place = {"i2c": sensor.bus, "uart": sensor.port, "gpio": sensor.chip, "file": sensor.file, "host": "host"}
    bus = place[fit.speaks] or ""
    return SensorPlan(
        name=sensor.name,
        driver=fit.made.name if fit.made else VITALS,
        bus_kind=fit.speaks,
        bus=bus if fit.speaks == "host" else device(bus),
        address=fit.address,
        pins=dict(sensor.pins),
        interval_ms=fit.pace_ms,
        settings=dict(sensor.settings),
        bias=sensor.bias,
        active_low=sensor.active_low,
        window_ms=fit.pace_ms if fit.windowed and fit.speaks != "gpio" else 0,
        rest=sensor.rest,
        beside=sensor.beside or "",
    )
