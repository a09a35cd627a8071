"""Calls that fail: disk, ports and the errnos that each kind of call can give. One call of a life fails, once."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.buses.port import EdgeEvent, I2CPort, SerialPort
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk, MemoryFile
from simulators.gpio import SimulatedLines

WRITES = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT)
BUS = (errno.EIO, errno.ENXIO, errno.EREMOTEIO, errno.ETIMEDOUT, errno.ENODEV, errno.EAGAIN, errno.EBUSY, errno.EBADF)
OPENS = (errno.ENOENT, errno.EACCES, errno.EBUSY, errno.ENODEV, errno.EMFILE, errno.EIO)
NETWORK = (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNRESET)
ERRNOS: dict[str, Sequence[int]] = {
    "disk.names": (errno.EIO, errno.EACCES),
    "disk.free_bytes": (errno.EIO,),
    "disk.create": WRITES,
    "disk.open": (errno.EIO, errno.EROFS, errno.EACCES, errno.EMFILE),
    "disk.remove": (errno.EIO, errno.EROFS),
    "disk.set_aside": WRITES,
    "disk.write_small": WRITES,
    "disk.read_small": (errno.EIO, errno.EACCES),
    "disk.pread": (errno.EIO,),
    "disk.pwrite": WRITES,
    "disk.datasync": WRITES,
    "disk.size": (errno.EIO,),
    "disk.close": (errno.EIO,),
    "link.connect": NETWORK,
    "link.publish": (errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT),
    "link.refuse": (errno.ENOBUFS,),  # a publish that is not taken, while the session stands
    "i2c.open": OPENS,
    "i2c.transfer": BUS,
    "serial.open": OPENS,
    "serial.read": BUS,
    "serial.write": BUS,
    "serial.drain": BUS,
    "lines.open": OPENS,
    "lines.wait": BUS,
    "lines.read": BUS,
    "lines.values": BUS,
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """The `nth` call of its kind fails, counted from 0, in a life on an empty disk (`fresh`) or after another."""

    kind: str
    nth: int
    number: int
    fresh: bool = False

    def __str__(self) -> str:
        return f"{'fresh ' if self.fresh else ''}{self.kind}[{self.nth}]-{errno.errorcode[self.number]}"


@dataclass
class Calls:
    """All calls of one life, counted by kind; one of them fails."""

    clock: VirtualClock
    fault: Fault | None = None
    counts: Counter[str] = field(default_factory=Counter)
    failed_ms: int | None = None
    on: bool = False

    def fails(self, kind: str) -> bool:
        if not self.on:
            return False
        nth, self.counts[kind] = self.counts[kind], self.counts[kind] + 1
        if self.fault is None or (kind, nth) != (self.fault.kind, self.fault.nth):
            return False
        self.failed_ms = self.clock.boot_ms()
        return True

    def made(self, kind: str) -> None:
        """Raises OSError if it is the one."""
        if self.fails(kind):
            assert self.fault is not None
            raise OSError(self.fault.number, os.strerror(self.fault.number))


class FaultyFile(MemoryFile):
    def __init__(self, disk: FaultyDisk, name: str, inode: Any) -> None:
        super().__init__(disk, name, inode)
        self._calls = disk.calls

    def size(self) -> int:
        self._calls.made("disk.size")
        return super().size()

    def close(self) -> None:
        super().close()
        self._calls.made("disk.close")


class FaultyDisk(MemoryDisk):
    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self.calls = calls

    def _count(self, operation: str) -> None:
        super()._count(operation)
        self.calls.made(f"disk.{operation}")

    def names(self) -> list[str]:
        self.calls.made("disk.names")
        return super().names()

    def open(self, name: str) -> MemoryFile:
        self._count("open")
        return FaultyFile(self, name, self._there(name))

    def free_bytes(self) -> int:
        self.calls.made("disk.free_bytes")
        return super().free_bytes()


class FaultyI2C:
    def __init__(self, port: I2CPort, calls: Calls) -> None:
        self._port, self._calls = port, calls

    def transfer(self, address: int, data: bytes | None, count: int) -> bytes:
        self._calls.made("i2c.transfer")
        return self._port.transfer(address, data, count)

    def close(self) -> None:
        self._port.close()


class FaultySerial:
    def __init__(self, port: SerialPort, calls: Calls) -> None:
        self._port, self._calls = port, calls

    def write(self, data: bytes) -> None:
        self._calls.made("serial.write")
        self._port.write(data)

    def read(self, count: int, timeout_s: float) -> bytes:
        self._calls.made("serial.read")
        return self._port.read(count, timeout_s)

    def drain(self) -> None:
        self._calls.made("serial.drain")
        self._port.drain()

    def close(self) -> None:
        self._port.close()


class FaultyLines:
    def __init__(self, port: SimulatedLines, calls: Calls) -> None:
        self._port, self._calls = port, calls

    @property
    def fd(self) -> int:
        return self._port.fd

    def wait_edge_events(self, timeout: float | None = None) -> bool:
        self._calls.made("lines.wait")
        return self._port.wait_edge_events(timeout)

    def read_edge_events(self, max_events: int | None = None) -> Sequence[EdgeEvent]:
        self._calls.made("lines.read")
        return self._port.read_edge_events(max_events)

    def get_values(self, lines: Iterable[int] | None = None) -> Sequence[object]:
        self._calls.made("lines.values")
        return self._port.get_values(lines)

    def release(self) -> None:
        self._port.release()
