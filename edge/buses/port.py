"""What a bus can do, as the runners see it: the faces that hardware and simulator share.

Linux serves them through smbus2, pyserial, gpiod and small files (`i2c.py`, `uart.py`, `gpio.py`, `files.py`); the
simulator serves them from memory. Faults arrive as the drivers' own errors, so that a conversation can catch what it
expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from drivers.driver import SerialLine
from drivers.errors import BusFault
from edge.wiring import BusPlan


class I2CPort(Protocol):
    """One I2C bus."""

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        """Write `data` (unless None), then read `count` bytes (unless 0) with a repeated start between.

        An empty write (`b""`) asks only for the acknowledge. Raises Nack, BusFault.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class Recoverable(Protocol):
    """A bus that may be freed from a chip that holds it."""

    def recover(self) -> str:
        """Give clocks until the data line is free; what came of it in a clause, "" when there is no means to.

        The port may be closed afterwards. Raises BusFault.
        """
        ...


class SerialPort(Protocol):
    """One serial port, opened as its device needs it."""

    def write(self, data: bytes) -> None:
        """Raises BusFault when the adapter is gone."""
        ...

    def read(self, count: int, timeout_s: float) -> bytes:
        """Up to `count` bytes; fewer when the timeout passes first. Raises BusFault when the adapter is gone."""
        ...

    def drain(self) -> None:
        """Throw away what has arrived and was not read."""
        ...

    def close(self) -> None: ...


class EdgeEvent(Protocol):
    """One edge as gpiod gives it."""

    @property
    def event_type(self) -> object: ...
    @property
    def timestamp_ns(self) -> int: ...
    @property
    def line_offset(self) -> int: ...
    @property
    def global_seqno(self) -> int: ...
    @property
    def line_seqno(self) -> int: ...


class LinePort(Protocol):
    """The face of gpiod's `LineRequest`, as much of it as counting needs."""

    @property
    def fd(self) -> int: ...
    def wait_edge_events(self, timeout: float | None = None) -> bool: ...
    def read_edge_events(self, max_events: int | None = None) -> Sequence[EdgeEvent]: ...
    def get_values(self, lines: Iterable[int] | None = None) -> Sequence[object]: ...
    def release(self) -> None: ...


class FilePort(Protocol):
    """A small file that the kernel keeps for a device. A read may take as long as the device does."""

    def read(self, count: int) -> bytes:
        """The whole of it as it is now, at most `count` bytes. Raises BusFault when it is gone or says nothing."""
        ...

    def write(self, data: bytes) -> None:
        """Write it. Raises BusFault when it is gone or may not be written."""
        ...

    def close(self) -> None: ...


def no_files(path: str) -> FilePort:
    """How a set of ports without files answers."""
    raise BusFault(f"there are no files here, and so no {path}")


@dataclass(frozen=True, slots=True)
class PortOpener:
    """How ports come into being; each call may raise BusFault with a sentence a technician understands."""

    i2c: Callable[[str], I2CPort]
    serial: Callable[[str, SerialLine], SerialPort]
    lines: Callable[[str, tuple[int, ...], str, bool], LinePort]  # chip, offsets, bias, active_low
    files: Callable[[str], FilePort] = no_files
    plans: Mapping[str, BusPlan] = field(default_factory=dict)  # what the board says of its I2C buses, by their path
