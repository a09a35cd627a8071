"""What every driver says of itself, whatever its shape.

There are three shapes and no more: a talk (I2C, and request and answer over serial: I2CDriver, SerialDriver), a stream
(devices that talk unasked: `drivers.stream`), and lines (edges of GPIO lines: `drivers.lines`). A driver names the
settings that a board may give it, in the standard library's words, so that the board file can be checked without
running the driver and the driver needs no checking library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from drivers.reading import Quantity, Reading
from drivers.talk import Talk

SettingValue = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a board may set on a sensor: its name, default, what is allowed, and what it does."""

    name: str
    default: SettingValue
    help: str
    choices: tuple[SettingValue, ...] = ()
    low: float | None = None
    high: float | None = None

    def refusal(self, value: object) -> str | None:
        """Why this value may not stand, in one clause; None when it may."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(self.default, bool) != isinstance(value, bool):
            return f"must be {type(self.default).__name__}"
        if isinstance(self.default, int | float) and not isinstance(self.default, bool) and not number:
            return "must be a number"
        if isinstance(self.default, str) and not isinstance(value, str):
            return "must be a text"
        if self.choices and value not in self.choices:
            return "must be one of " + ", ".join(map(str, self.choices))
        return self._out_of_bounds(value)

    def _out_of_bounds(self, value: object) -> str | None:
        if not isinstance(value, int | float):
            return None
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return f"must lie between {self.low:g} and {self.high:g}" if None not in (self.low, self.high) else (
                f"must be at least {self.low:g}" if self.low is not None else f"must be at most {self.high:g}")
        return None


class Driver:
    """One chip, as a set of facts. Subclasses add the conversation."""

    name: ClassVar[str]
    title: ClassVar[str] = ""  # "Bosch BME280: temperature, humidity, pressure"
    measures: ClassVar[tuple[Quantity, ...]] = ()
    decimals: ClassVar[Mapping[Quantity, int]] = {}  # where the device is coarser than its quantity
    settings: ClassVar[tuple[Setting, ...]] = ()
    interval_min_s: ClassVar[float] = 1.0  # asking faster than this makes no sense
    warm_up_s: ClassVar[float] = 0.0  # readings are flagged WARMING for so long after setup
    still_s: ClassVar[float] = 3600.0  # a value may stand still for this long before it counts as stuck; 0: for ever

    def __init__(self, **settings: SettingValue) -> None:
        """Raises ValueError for a setting that the driver does not have or a value that it does not allow."""
        known = {setting.name: setting for setting in self.settings}
        for name, value in settings.items():
            if name not in known:
                raise ValueError(f"{self.name} has no setting {name!r}")
            if reason := known[name].refusal(value):
                raise ValueError(f"{self.name}.{name} {reason}")
        self.chosen: dict[str, SettingValue] = {s.name: settings.get(s.name, s.default) for s in self.settings}


class TalkDriver(Driver):
    """A device that answers when it is asked."""

    def setup(self) -> Talk[None]:
        """Bring the device to where `read` works; run before the first read and after every failure."""
        yield from ()

    def read(self) -> Talk[list[Reading]]:
        """One measurement. Raises DriverError; never returns a value that it does not believe."""
        yield from ()
        raise NotImplementedError

    def probe(self) -> Talk[bool]:
        """Whether this very chip answers here: gentle, changes nothing, used by `edge scan`."""
        yield from ()
        raise NotImplementedError


class I2CDriver(TalkDriver):
    """A chip on an I2C bus."""

    default_address: ClassVar[int]
    addresses: ClassVar[tuple[int, ...]]
    max_hz: ClassVar[int] = 100_000


@dataclass(frozen=True, slots=True)
class SerialLine:
    """How a serial port must be opened, 8N1 unless the device says otherwise."""

    baud: int = 9600
    bits: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stop: Literal[1, 2] = 1


class SerialDriver(TalkDriver):
    """A device on a serial port that answers when it is asked."""

    line: ClassVar[SerialLine] = SerialLine()
