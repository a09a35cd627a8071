"""The compiled board: what the agent reads, in plain words of the standard library.

People write `node.toml`; `edge.board` checks it with pydantic and compiles it to this, once, in a process of its own.
So the agent that runs for years loads no checking library, and reads a file that is known to be good.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

BusKind = Literal["i2c", "uart", "gpio", "host"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where the node hangs; degrees in WGS 84, or nothing when nobody has said."""

    name: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class OfficePlan:
    """Where the fleet listens, and where our credentials lie."""

    url: str
    credentials: str


@dataclass(frozen=True, slots=True)
class JournalPlan:
    """The durable buffer: its folder, its loss window, its cap."""

    folder: str
    commit_ms: int = 10_000
    cap_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SensorPlan:
    """One sensor: its name on this node, its driver, and where it is wired."""

    name: str
    driver: str
    bus_kind: BusKind
    bus: str  # "/dev/i2c-1", "/dev/serial/by-id/…", "/dev/gpiochip0", "host"
    address: int | None = None
    pins: dict[str, int] = field(default_factory=dict)  # line of the driver -> offset on the chip
    interval_ms: int = 10_000  # how often it is read; for lines, how long a window is
    settings: dict[str, bool | int | float | str] = field(default_factory=dict)
    bias: str = "as_is"
    active_low: bool = False


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
        tree = dict(tree)
        tree["site"] = Site(**tree["site"])
        tree["office"] = OfficePlan(**tree["office"]) if tree["office"] else None
        tree["journal"] = JournalPlan(**tree["journal"])
        tree["sensors"] = tuple(SensorPlan(**sensor) for sensor in tree["sensors"])
        return cls(**tree)
