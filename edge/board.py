"""The board: what is wired to a node, as people write it in `node.toml`.

This is the only place where pydantic works on the node, in a process that ends: `edge run` reads the compiled form
(`edge.wiring`). Each table is checked on its own and then against its neighbours, so that one mistake never hides
another.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from edge.amounts import milliseconds, size, spelled_duration, spelled_size
from edge.fit import Fitted, device, fitted, misfits, plan, whereabouts
from edge.mistake import Mistake, allowed, discreet, line_of, meant, path, shown, written
from edge.naming import unlike
from edge.places import BUS_PINS, clashes
from edge.traffic import crowds
from edge.wire.identity import node_id
from edge.wiring import BusPlan, CardPlan, JournalPlan, OfficePlan, Site, Wiring


def whole(value: object) -> object:
    """Accept "0x76" beside 0x76."""
    if not isinstance(value, str) or not value.lower().startswith("0x"):
        return value
    try:
        return int(value, 16)
    except ValueError:
        raise ValueError("must be an address such as 0x76") from None


PUBLISH_MS, METERED_MS = 60_000, 300_000
T = TypeVar("T", bound="Table")
SPELLED: dict[Any, Callable[[int], str]] = {milliseconds: spelled_duration, size: spelled_size}
Duration = Annotated[int, BeforeValidator(milliseconds)]
Size = Annotated[int, BeforeValidator(size)]
NodeId = Annotated[str, BeforeValidator(lambda value: node_id(str(value)))]
Pin = Annotated[int, Field(ge=0, le=1023, strict=True)]


class Table(BaseModel):
    """A table of the file: no key that we do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Node(Table):
    """[node]"""

    id: NodeId


class Place(Table):
    """[site]"""

    name: str = Field(
        default="", strict=True, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]{0,80}$",
        description="must be at most 80 signs that can be printed",
    )  # fmt: skip
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    mobile: bool = Field(default=False, strict=True)


PORT = r"(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
SIX = r"\[[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z._-]+)?\]"  # an IPv6 address in its brackets
BROKER = rf"^mqtts?://(?:[^\s/:\[\]]+|{SIX})(:{PORT})?/?$"
LIKE = "must look like mqtts://host:8883 or mqtt://host:1883"
BrokerUrl = Annotated[str, Field(pattern=BROKER)]


class Office(Table):
    """[office]"""

    url: str = Field(pattern=BROKER, description=LIKE)
    others: list[BrokerUrl] = Field(default_factory=list, max_length=4, description=LIKE)  # when `url` is away
    credentials: str = "credentials.json"
    metered: bool = Field(default=False, strict=True)
    publish_every: Duration | None = Field(default=None, ge=0, le=3_600_000)  # 60 s; on a metered link 300 s
    bytes_per_day: Size = Field(default=0, ge=0)  # 0: no limit
    back_within: Duration = Field(default=300_000, ge=1_000, le=3_600_000)  # after a lost session


class Journal(Table):
    """[journal]"""

    folder: str = "journal"
    commit_every: Duration = Field(default=10_000, ge=100, le=60_000)
    cap: Size = Field(default=0, ge=2 * 2**20, le=2**40)  # left out: ninety days' worth, where the card has room


class Card(Table):
    """[card]"""

    name: str = Field(default="", strict=True, max_length=80)
    size: Size = Field(default=0, ge=0)
    endurance: Size = Field(default=0, ge=0)  # bytes that may be written in its life, as its maker promises


class Sensor(Table):
    """[[sensor]]"""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        strict=True,
        description="must be 1 to 32 of a-z, 0-9, - and _, the first a letter or a digit",
    )
    driver: str = Field(strict=True)
    bus: str | None = Field(default=None, strict=True)
    address: Annotated[int, BeforeValidator(whole)] | None = Field(default=None, ge=0x08, le=0x77)
    port: str | None = Field(default=None, strict=True)
    file: str | None = Field(default=None, strict=True)
    chip: str = Field(default="gpiochip0", strict=True)
    pins: dict[str, Pin] = Field(default_factory=dict)
    interval: Duration | None = Field(default=None, ge=100, le=86_400_000)
    window: Duration | None = Field(default=None, ge=1_000, le=86_400_000)
    bias: Literal["as_is", "pull_up", "pull_down", "disabled"] = "as_is"
    active_low: bool = Field(default=False, strict=True)
    rest: bool = Field(default=False, strict=True)
    beside: str | None = Field(default=None, strict=True)
    settings: dict[str, Any] = Field(default_factory=dict)  # what may stand there the driver says


class Bus(Table):
    """[[bus]]"""

    name: str = Field(strict=True)
    hz: int = Field(default=100_000, ge=10_000, le=3_400_000, strict=True)
    scl: Pin | None = None
    sda: Pin | None = None
    reset: Pin | None = None
    crystal: int = Field(default=14_745_600, ge=100_000, le=80_000_000, strict=True)
    chip: str = Field(default="gpiochip0", strict=True)
    adapter: str = Field(
        default="", strict=True, pattern=r"^[0-9a-zA-Z._:-]*$",
        description='must be the controller as /sys/bus/platform/devices names it, such as "fe804000.i2c"',
    )  # fmt: skip


class Line(Table):
    """[lamp] and [button]"""

    pin: Pin
    chip: str = "gpiochip0"


TABLES: dict[str, type[Table]] = {
    "node": Node, "site": Place, "office": Office, "journal": Journal, "card": Card, "lamp": Line, "button": Line,
}  # fmt: skip
LISTS = ("sensor", "bus")


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking a file: the wiring when there is nothing to mend."""

    file: str
    wiring: Wiring | None
    mistakes: tuple[Mistake, ...]


def check(text: str, file: str, simulated: bool = False) -> Checked:
    """Check the text of a board file; relative paths in it stay so, and are meant from beside `file`."""
    try:
        tree = tomllib.loads(text.removeprefix("\ufeff"))  # some editors put a byte order mark before all
    except RecursionError:
        return Checked(file, None, (Mistake("the file", "", "must be TOML", "It nests far too deep."),))
    except tomllib.TOMLDecodeError as error:
        return Checked(file, None, (Mistake("the file", "", "must be TOML", f"The parser says: {error}."),))
    tables, mistakes = _tables(tree)
    sensors, more = _listed(tree, "sensor", Sensor)
    buses, wrong = _listed(tree, "bus", Bus)
    mistakes += more + wrong
    told = {mistake.key for mistake in mistakes}
    told |= {key.rpartition(".")[0] for key in told if ".pins." in key}  # a wrong pin is no lack of pins
    found = misfits(sensors, simulated) + _together(tables, sensors, buses, simulated)
    mistakes += [_as_written(tree, mistake) for mistake in _once(found) if mistake.key not in told]
    if mistakes:
        placed = sorted((_placed(text, mistake) for mistake in mistakes), key=lambda mistake: mistake.line or 0)
        return Checked(file, None, tuple(placed))
    plans = _bus_plans(buses)
    return Checked(file, _wiring(text, tables, fitted(sensors), plans, simulated), ())


def _together(
    tables: dict[str, Any], sensors: dict[str, Sensor], buses: dict[str, Bus], simulated: bool
) -> list[Mistake]:
    """How the sensors fit beside each other, the lamp, the button and the buses."""
    fits, plans = fitted(sensors), _bus_plans(buses)
    keys = {device(bus.name): key for key, bus in reversed(buses.items())}
    pins = {f"{name}.pin": (tables[name].chip, tables[name].pin) for name in ("lamp", "button") if name in tables}
    pins |= {
        f"{key}.{name}": (bus.chip, pin)
        for key, bus in buses.items()
        for name, pin in (("scl", bus.scl), ("sda", bus.sda), ("reset", bus.reset))
        if pin is not None and (name == "reset" or device(bus.name) not in BUS_PINS)
    }
    twice = [Mistake(f"{key}.name", shown(bus.name), "this bus is described twice", "Write one [[bus]] for it.")
             for key, bus in buses.items() if keys[device(bus.name)] != key]  # fmt: skip
    odd = [Mistake(f"{key}.name", shown(bus.name), why)
           for key, bus in buses.items() if (why := unlike("bus", bus.name))]  # fmt: skip
    mobile = tables["site"].mobile if "site" in tables else True
    return [*odd, *twice, *clashes(fits, pins, simulated), *crowds(fits, plans, keys), *whereabouts(fits, mobile)]


def _bus_plans(buses: dict[str, Bus]) -> dict[str, BusPlan]:
    return {
        device(bus.name): BusPlan(
            device(bus.name), bus.hz, bus.scl, bus.sda, device(bus.chip), bus.adapter, bus.reset, bus.crystal
        )
        for bus in buses.values()
    }


def _once(mistakes: list[Mistake]) -> list[Mistake]:
    """Each key once: the first thing that is wrong with it."""
    return list({mistake.key: mistake for mistake in reversed(mistakes)}.values())[::-1]


def _as_written(tree: dict[str, Any], mistake: Mistake) -> Mistake:
    """The same with its value as it stands in the file, where it was written with a unit."""
    found = re.fullmatch(r"sensor\[(\d+)\]\.(interval|window)", mistake.key)
    there = written(tree["sensor"], (int(found[1]) - 1, found[2])) if found else None
    return replace(mistake, value=shown(there)) if isinstance(there, str) else mistake


def _placed(text: str, mistake: Mistake) -> Mistake:
    return replace(discreet(mistake), line=line_of(text, mistake.key))


def _tables(tree: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    tables: dict[str, Any] = {}
    mistakes = [
        Mistake(name, "", "no such table", meant(name, [*TABLES, *LISTS]))
        for name in tree
        if name not in TABLES and name not in LISTS
    ]
    for name, model in TABLES.items():
        if name in tree or name in ("node", "site", "journal"):
            mistakes += _table(tables, name, model, tree.get(name, {}))
    return tables, mistakes


def _table(into: dict[Any, Any], name: Any, model: type[Table], value: object) -> list[Mistake]:
    try:
        into[name] = model.model_validate(value)
    except ValidationError as error:
        return [_mistake(name, model, value, found) for found in error.errors()]
    return []


def _mistake(section: str, model: type[Table], table: object, error: Any) -> Mistake:
    place, key = error["loc"], path(section, error["loc"])
    stands = error["input"] if (there := written(table, place)) is None else there
    value = "" if error["type"] == "missing" else shown(stands)
    words = meant(str(place[0]), model.model_fields) if error["type"] == "extra_forbidden" else ""
    return Mistake(key, value, _allowed(error, model), words or _remedy(error, key))


def _allowed(error: Any, model: type[Table]) -> str:
    """What may stand there, in the words of the field where it has its own."""
    field = model.model_fields.get(str(error["loc"][0])) if error["loc"] else None
    if field is not None and field.description and error["type"] == "string_pattern_mismatch":
        return field.description
    spelled = [way for reader, way in SPELLED.items() if field is not None and reader in _readers(field)]
    return allowed(error, spelled[0] if spelled else None)


def _readers(field: FieldInfo) -> Iterator[object]:
    """What reads the value of a field, wherever it is annotated."""
    parts = [*field.metadata, field.annotation]
    while parts:
        part = parts.pop()
        yield getattr(part, "func", None)
        parts += get_args(part)


def _remedy(error: Any, key: str) -> str:
    if error["type"] == "missing":
        return f"Add {key.rpartition('.')[2]} = … to [{key.rpartition('.')[0]}]."
    return ""


def _listed(tree: dict[str, Any], name: str, model: type[T]) -> tuple[dict[str, T], list[Mistake]]:
    """The tables of a list, by key; of a sensor with mistakes what is right of it."""
    listed = tree.get(name, [])
    if not isinstance(listed, list):
        return {}, [Mistake(name, "", "must be a list of tables", f"Write [[{name}]] with two brackets.")]
    tables: dict[str, T] = {}
    mistakes: list[Mistake] = []
    for number, value in enumerate(listed, start=1):
        found = _table(tables, f"{name}[{number}]", model, value)
        if found and isinstance(value, dict) and model is Sensor:
            _rest(tables, f"{name}[{number}]", value, {mistake.key.split(".")[1] for mistake in found})
        mistakes += found
    return tables, mistakes


def _rest(into: dict[Any, Any], key: str, table: dict[str, Any], wrong: set[str]) -> None:
    """What is left of a sensor without its wrong keys, so that these do not hide how the rest fits."""
    rest = {name: value for name, value in table.items() if name not in wrong}
    if "driver" in rest:
        _table(into, key, Sensor, {"name": key.replace("[", "-").rstrip("]"), **rest})


def _wiring(
    text: str, tables: dict[str, Any], fits: list[Fitted], buses: dict[str, BusPlan], simulated: bool
) -> Wiring:
    site, journal, office = tables["site"], tables["journal"], tables.get("office")
    lamp, button, card = tables.get("lamp"), tables.get("button"), tables.get("card", Card())
    lines = [line for line in (lamp, button) if line]
    return Wiring(
        node=tables["node"].id,
        site=Site(site.name, site.latitude, site.longitude, site.mobile),
        office=_office_plan(office) if office else None,
        journal=JournalPlan(journal.folder, journal.commit_every, journal.cap),
        sensors=tuple(plan(fit) for fit in fits),
        lamp_pin=lamp.pin if lamp else None,
        button_pin=button.pin if button else None,
        gpio_chip=device(lines[0].chip) if lines else "/dev/gpiochip0",
        source_hash=fingerprint(text),
        simulated=simulated,
        buses=tuple(buses.values()),
        card=CardPlan(card.name, card.size, card.endurance),
    )


def _office_plan(office: Office) -> OfficePlan:
    usual_ms = METERED_MS if office.metered else PUBLISH_MS
    publish_ms = usual_ms if office.publish_every is None else office.publish_every
    return OfficePlan(office.url, office.credentials, tuple(office.others), publish_ms,
                      office.metered, office.bytes_per_day, office.back_within)  # fmt: skip


def fingerprint(text: str) -> str:
    """The SHA-256 by which a compiled board knows the file that it came from."""
    return hashlib.sha256(text.encode()).hexdigest()
