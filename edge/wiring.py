"""The compiled board: what the agent reads, in plain words of the standard library.

People write `node.toml`; `edge.board` checks it with pydantic and compiles it to this, once, in a process of its own.
So the agent that runs for years loads no checking library, and reads a file that is known to be good.

Paths stand in it as people wrote them. What is relative is meant from beside the board, wherever that lies today: a
folder that was copied is another node, and must not write into the journal of the first.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

BusKind = Literal["i2c", "uart", "gpio", "file", "host"]
Scalar = bool | int | float | str
FORM = 2  # of the compiled board; 1 had absolute paths


@dataclass(frozen=True, slots=True)
class BusPlan:
    """What a board says of an I2C bus: its speed, and the pins by which a stuck one may be freed with nine clocks."""

    name: str  # "/dev/i2c-1"
    hz: int = 100_000
    scl_pin: int | None = None
    sda_pin: int | None = None
    gpio_chip: str = "/dev/gpiochip0"
    adapter: str = ""  # the kernel's name of the controller, "fe804000.i2c"; unbound while the clocks are given
    reset_pin: int | None = None  # wired to RESET of the muxes
    crystal_hz: int = 14_745_600  # of the serial bridges


@dataclass(frozen=True, slots=True)
class Site:
    """Where the node hangs; degrees in WGS 84, or nothing when nobody has said."""

    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    mobile: bool = False


@dataclass(frozen=True, slots=True)
class OfficePlan:
    """Where the fleet listens, and where our credentials lie; `others` are brokers to turn to when that one is away."""

    url: str
    credentials: str
    others: tuple[str, ...] = ()
    publish_ms: int = 60_000  # readings wait so long for company; 0: each commit goes at once
    metered: bool = False
    day_bytes: int = 0  # what may be sent on a day; 0: no limit
    back_ms: int = 300_000  # who lost the session is back within so long, each at a moment of its own


@dataclass(frozen=True, slots=True)
class CardPlan:
    """What the journal's card may bear: bytes that can be written in its life; 0 when nobody has said."""

    name: str = ""
    size_bytes: int = 0
    endurance_bytes: int = 0


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """The durable buffer: its folder, its loss window, its cap."""

    folder: str
    commit_ms: int = 10_000
    cap_bytes: int = 64 * 1024 * 1024  # 0: worth 90 days of the board's own rate, where the card has room


@dataclass(frozen=True, slots=True)
class SensorPlan:
    """One sensor: its name on this node, its driver, and where it is wired."""

    name: str
    driver: str
    bus_kind: BusKind
    bus: str  # "/dev/i2c-1", behind a mux "/dev/i2c-1/0x70.3", "/dev/serial/by-id/…", "tcp://10.0.0.7:502",
    # "/dev/i2c-1/0x4d.a" (a port of an SC16IS752), "/dev/gpiochip0", "/dev/i2c-1/0x20" (the lines of an MCP23017),
    # "/sys/bus/w1/devices/28-…/w1_slave", "host"
    address: int | None = None
    pins: dict[str, int] = field(default_factory=dict)  # line of the driver -> offset on the chip
    interval_ms: int = 10_000  # how often it is read; for lines, how long a window is
    settings: dict[str, Scalar | list[dict[str, Scalar]]] = field(default_factory=dict)
    bias: str = "as_is"
    active_low: bool = False
    window_ms: int = 0  # of a talk or a stream that is reported by the window; 0: each interval
    rest: bool = False  # sleeps between readings
    beside: str = ""  # the sensor of this node whose readings it may use for compensation


@dataclass(frozen=True, slots=True)
class Wiring:
    """A whole node."""

    node: str
    site: Site
    office: OfficePlan | None
    journal: JournalPlan
    sensors: tuple[SensorPlan, ...]
    lamp_pin: int | None = None
    button_pin: int | None = None
    gpio_chip: str = "/dev/gpiochip0"
    source_hash: str = ""  # SHA-256 of the node.toml that this was compiled from
    simulated: bool = False
    buses: tuple[BusPlan, ...] = ()
    card: CardPlan = CardPlan()
    form: int = FORM

    def at(self, home: Path) -> Wiring:
        """With paths for a board that lies in this folder."""
        journal = replace(self.journal, folder=str(home / self.journal.folder))
        office = self.office and replace(self.office, credentials=str(home / self.office.credentials))
        return replace(self, journal=journal, office=office)

    def to_json(self) -> str:
        """The compiled form, as it lies on disk."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Wiring:
        """Read the compiled form again. Raises ValueError when it is not one."""
        try:
            return cls._from_tree(json.loads(text))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a compiled board: {error}") from error

    @classmethod
    def _from_tree(cls, tree: dict[str, Any]) -> Wiring:
        tree = {"form": 1} | tree
        tree["site"] = Site(**tree["site"])
        office = tree["office"]
        tree["office"] = OfficePlan(**office | {"others": tuple(office.get("others", ()))}) if office else None
        tree["card"] = CardPlan(**tree.get("card", {}))
        tree["journal"] = JournalPlan(**tree["journal"])
        tree["sensors"] = tuple(SensorPlan(**sensor) for sensor in tree["sensors"])
        tree["buses"] = tuple(BusPlan(**bus) for bus in tree["buses"])
        wiring = cls(**tree)
        wiring._sound()
        return wiring

    def _sound(self) -> None:
        """Somebody may have put his hand to the file. Raises ValueError for what would end a runner."""
        for sensor in self.sensors:
            _amount(f"interval_ms of {sensor.name!r}", sensor.interval_ms, 1)
            _amount(f"window_ms of {sensor.name!r}", sensor.window_ms, 0)
        words = [word for sensor in self.sensors for word in (sensor.name, sensor.driver, sensor.bus)]
        for word in (self.node, *words, *(bus.name for bus in self.buses)):
            if not (isinstance(word, str) and word and word.isprintable()):
                raise ValueError(f"not a compiled board: {word!r} is no name")


def _amount(what: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"not a compiled board: {what} is {value!r}, and must be a whole number from {least} on")
