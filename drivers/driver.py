"""What every driver says of itself, whatever its shape.

There are three shapes and no more: a talk (I2C, request and answer over serial, and files that the kernel keeps:
I2CDriver, SerialDriver, FileDriver), a stream (devices that talk unasked: `drivers.stream`), and lines (edges of GPIO
lines: `drivers.lines`). A driver names the settings that a board may give it, in the standard library's words
(`drivers.setting`), so that the board file can be checked without running the driver and the driver needs no
checking library.

What stands here as a class attribute may be set by an instance, where it hangs on the settings: a generic driver
measures what its board says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Row, Setting, SettingValue, Table
from drivers.talk import Talk

API = 2  # raised when drivers must change; what worked with API - 1 still does, with a warning
OLDEST_API = API - 1


class Driver:
    """One chip, as a set of facts. Subclasses add the conversation."""

    api: ClassVar[int] = API  # the version that this driver was written for; drivers of other people must say it
    name: ClassVar[str]
    title: ClassVar[str] = ""  # "Bosch BME280: temperature, humidity, pressure"
    datasheet: ClassVar[str] = ""  # the address of the maker's document, or of what stands in for it
    measures: tuple[Quantity, ...] = ()
    decimals: Mapping[Quantity, int] = {}  # where the device is coarser than its quantity
    settings: ClassVar[tuple[Setting, ...]] = ()
    tables: ClassVar[tuple[Table, ...]] = ()  # settings that are lists of rows
    interval_min_s: float = 1.0  # asking faster than this makes no sense
    look_s: float = 0.0  # must be asked this often, however seldom it is reported; 0: once an interval
    warm_up_s: float = 0.0  # readings are flagged WARMING for so long after setup
    warm_ups_s: Mapping[Quantity, float] = {}  # ... where a quantity takes longer or shorter
    still_s: float = 3600.0  # a value may stand still for this long before it counts as stuck; 0: for ever
    can_rest: ClassVar[bool] = False  # has `rest`: may sleep between readings that lie far apart
    private: ClassVar[str] = ""  # why its bytes must not be kept as they are, where they name somebody or their things
    shares: ClassVar[str] = ""  # sensors whose drivers have the same word here may share an address or a port
    uses: ClassVar[tuple[Quantity, ...]] = ()  # what a neighbour may tell it, for compensation
    needs: tuple[Quantity, ...] = ()  # of these, what it says nothing without
    bus_bytes: int = 0  # on the wire for one reading, addresses included; 0: it is not asked

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError for a setting that the driver does not have or a value that it does not allow."""
        self.chosen: dict[str, SettingValue] = {setting.name: setting.default for setting in self.settings}
        self.rows: dict[str, tuple[Row, ...]] = {table.name: table.filled(table.default) for table in self.tables}
        self.at_us = 0  # since boot; the runner sets it before each reading, each piece of a stream
        self.known: Mapping[Quantity, float] = {}  # what the neighbour said lately; set like `at_us`
        for name, value in settings.items():
            self._choose(name, value)

    def _choose(self, name: str, value: object) -> None:
        setting = next((one for one in self.settings if one.name == name), None)
        table = next((one for one in self.tables if one.name == name), None)
        reason = None
        if setting is not None:
            reason = setting.refusal(value)
        elif table is not None:
            reason = table.refusal(value)
        else:
            raise ValueError(f"{self.name} has no setting {name!r}")
        if reason:
            raise ValueError(f"{self.name}.{name} {reason}")
        if table is not None:
            self.rows[name] = table.filled(value)  # type: ignore[arg-type]
        else:
            self.chosen[name] = value  # type: ignore[assignment]

    @property
    def claims(self) -> tuple[str, ...]:
        """What of a shared place this sensor takes for itself: inputs, units. No two sensors may claim the same."""
        return ()


class TalkDriver(Driver):
    """A device that answers when it is asked."""

    def setup(self) -> Talk[bool | None]:
        """Bring the device to where `read` works; run before the first read and after every failure.

        True says that the device was still as we had left it, so that its warm-up is not begun anew.
        """
        yield from ()
        return None

    def read(self) -> Talk[list[Reading]]:
        """One measurement. Raises DriverError; never returns a value that it does not believe."""
        yield from ()
        raise NotImplementedError

    def probe(self) -> Talk[bool]:
        """Whether this very chip answers here: gentle, changes nothing, used by `edge scan`."""
        yield from ()
        raise NotImplementedError

    def rest(self) -> Talk[None]:
        """Put the device to sleep until the next `setup`; only where `can_rest`."""
        yield from ()


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

    line: SerialLine = SerialLine()  # a driver whose line hangs on its settings sets its own


class FileDriver(TalkDriver):
    """A device that the kernel speaks to for us: `Read(count)` gives the whole of a small file, at most `count` bytes,
    and `Write` writes it. The board names the file."""
