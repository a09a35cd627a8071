"""A disk in memory that loses what was not synced, as a card does when the power goes.

It keeps each file twice: as the running system sees it, and as the card has it. A write changes the first; `datasync`
carries the changed 512-byte sectors over. Names are kept twice too: a new file is only there after a power cut when
the folder was synced. `crash` lets each unsynced sector and each change of a name go or stay, or tears the sector.

It also does what disks do when they are ill: it is full, it fails at the call that one names, it forgets dirty pages
when a sync fails and says that all is well the next time one asks (as Linux does). And the power can be cut in the
middle of any call: `cut_after(n)` lets n more steps pass and raises `PowerCut` at the next.

It counts what is asked of it, so that a test can say "one write and one sync".
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from random import Random

SECTOR = 512


class PowerCut(Exception):
    """The power went in the middle of a call. The disk wants `crash` before it can be used again."""


@dataclass(eq=False)
class Inode:
    """One file's content, as seen and as it is on the card."""

    seen: bytearray = field(default_factory=bytearray)
    card: bytearray = field(default_factory=bytearray)
    dirty: set[int] = field(default_factory=set)  # sectors


@dataclass(frozen=True)
class Fault:
    """`operation` fails with `number` at its nth call from now, `times` in a row."""

    operation: str
    number: int
    after: int = 0
    times: int = 1


@dataclass(frozen=True)
class Write:
    """One write as the journal asked for it."""

    name: str
    at: int
    data: bytes


class MemoryDisk:
    """Follows `edge.journal.disk.Disk`. `capacity` in bytes, None for as much as wanted."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = capacity
        self.counts: Counter[str] = Counter()
        self.writes: list[Write] = []
        self.aside: dict[str, Inode] = {}
        self._seen: dict[str, Inode] = {}
        self._card: dict[str, Inode] = {}
        self._changes: list[tuple[str, Inode | None]] = []  # of names, not synced yet
        self._faults: list[Fault] = []
        self._steps_left: int | None = None
        self.powered = 0  # how often the power went

    # What it does when it is well.

    def names(self) -> list[str]:
        return sorted(name for name in self._seen if not name.endswith(".new"))

    def create(self, name: str, size: int) -> None:
        self._count("create")
        self._replace(name, bytes(size))

    def open(self, name: str) -> MemoryFile:
        self._count("open")
        return MemoryFile(self, name, self._there(name))

    def remove(self, name: str) -> None:
        self._count("remove")
        self._there(name)
        self._change(name, None)
        self._sync_names()

    def set_aside(self, name: str) -> None:
        self._count("set_aside")
        self.aside[f"{name}.{len(self.aside)}"] = self._there(name)
        self._change(name, None)
        self._sync_names()

    def write_small(self, name: str, data: bytes) -> None:
        self._count("write_small")
        self._replace(name, data)

    def read_small(self, name: str) -> bytes:
        self._count("read_small")
        return bytes(self._there(name).seen)

    def free_bytes(self) -> int:
        used = sum(len(inode.seen) for inode in self._seen.values())
        return (1 << 40) if self.capacity is None else max(0, self.capacity - used)

    def close(self) -> None:
        pass

    def _there(self, name: str) -> Inode:
        if name not in self._seen:
            raise _error(errno.ENOENT)
        return self._seen[name]

    def _replace(self, name: str, data: bytes) -> None:
        """As a careful program does it: a new file, its content synced, its name changed, the folder synced."""
        if len(data) > self.free_bytes():
            raise _error(errno.ENOSPC)
        inode = Inode()
        self._change(name + ".new", inode)
        self._write(inode, data, 0)
        self._sync(inode)
        self._change(name + ".new", None)
        self._change(name, inode)
        self._sync_names()

    # Its innards; a planted bug overrides one of these.

    def _count(self, operation: str) -> None:
        self.counts[operation] += 1
        for place, fault in enumerate(self._faults):
            if fault.operation != operation:
                continue
            if fault.after:
                self._faults[place] = Fault(operation, fault.number, fault.after - 1, fault.times)
                continue
            left = Fault(operation, fault.number, 0, fault.times - 1)
            self._faults[place : place + 1] = [left] if left.times else []
            raise _error(fault.number)

    def _step(self) -> None:
        if self._steps_left is not None:
            if self._steps_left == 0:
                raise PowerCut
            self._steps_left -= 1

    def _write(self, inode: Inode, data: bytes, at: int) -> None:
        end = at + len(data)
        for side in (inode.seen, inode.card):
            side.extend(bytes(max(0, end - len(side))))
        inode.seen[at:end] = data
        inode.dirty.update(range(at // SECTOR, -(-end // SECTOR)))
        self._step()

    def _sync(self, inode: Inode) -> None:
        self._step()
        for sector in inode.dirty:
            _carry(inode, sector, SECTOR)
        inode.dirty.clear()

    def _change(self, name: str, inode: Inode | None) -> None:
        _rename(self._seen, name, inode)
        self._changes.append((name, inode))
        self._step()

    def _sync_names(self) -> None:
        self._step()
        for name, inode in self._changes:
            _rename(self._card, name, inode)
        self._changes.clear()

    # What can happen to it.

    def fail(self, operation: str, number: int, after: int = 0, times: int = 1) -> None:
        """Let `operation` (pread, pwrite, datasync, create, open, ...) fail with errno `number`."""
        self._faults.append(Fault(operation, number, after, times))

    def heal(self) -> None:
        self._faults.clear()

    def cut_after(self, steps: int) -> None:
        self._steps_left = steps

    def crash(self, keep: str, chance: Random) -> None:
        """The power goes and comes back. Of what was not synced is `keep`: `lost`, `kept`, `torn` or `mixed`."""
        self._steps_left = None
        self.powered += 1
        kept = {"lost": 0, "kept": len(self._changes)}.get(keep, chance.randint(0, len(self._changes)))
        for name, inode in self._changes[:kept]:
            _rename(self._card, name, inode)
        self._changes.clear()
        for inode in {id(inode): inode for inode in self._card.values()}.values():
            for sector in sorted(inode.dirty):
                _carry(inode, sector, _survives(keep, chance))
            inode.dirty.clear()
            inode.seen[:] = inode.card
        self._seen = dict(self._card)

    def rot(self, name: str, at: int, mask: int = 0xFF) -> None:
        """Flips the bits of `mask` in one byte, on the card and in what is seen."""
        for side in (self._seen[name].seen, self._seen[name].card):
            side[at] ^= mask

    def content(self, name: str) -> bytes:
        """A file as the running system sees it."""
        return bytes(self._seen[name].seen)


class MemoryFile:
    """An open file of a MemoryDisk; useless after a crash, like every open file."""

    def __init__(self, disk: MemoryDisk, name: str, inode: Inode) -> None:
        self._disk = disk
        self._name = name
        self._inode = inode
        self._powered = disk.powered
        self._open = True

    def _called(self, operation: str) -> None:
        if not self._open or self._powered != self._disk.powered:
            raise _error(errno.EBADF)
        self._disk._count(operation)

    def pread(self, count: int, at: int) -> bytes:
        self._called("pread")
        data = bytes(self._inode.seen[at : at + count])
        self._disk.counts["bytes_read"] += len(data)
        return data

    def pwrite(self, data: bytes, at: int) -> None:
        """A write that fails leaves the first half of its bytes behind."""
        grows = max(0, at + len(data) - len(self._inode.seen))
        try:
            self._called("pwrite")
            if grows > self._disk.free_bytes():
                raise _error(errno.ENOSPC)
        except OSError:
            if self._open and self._powered == self._disk.powered:
                self._disk._write(self._inode, data[: len(data) // 2], at)
            raise
        self._disk.writes.append(Write(self._name, at, data))
        self._disk._write(self._inode, data, at)

    def datasync(self) -> None:
        """When it fails the dirty pages are clean: still seen, never written."""
        try:
            self._called("datasync")
        except OSError:
            self._inode.dirty.clear()
            raise
        self._disk._sync(self._inode)

    def size(self) -> int:
        return len(self._inode.seen)

    def close(self) -> None:
        self._open = False


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _rename(names: dict[str, Inode], name: str, inode: Inode | None) -> None:
    if inode is None:
        names.pop(name, None)
    else:
        names[name] = inode


def _carry(inode: Inode, sector: int, count: int) -> None:
    """The first `count` bytes of a sector reach the card."""
    at = sector * SECTOR
    inode.card[at : at + count] = inode.seen[at : at + count]


def _survives(keep: str, chance: Random) -> int:
    """How many bytes of an unsynced sector are on the card after the power cut."""
    if keep == "torn":
        return chance.randint(0, SECTOR)
    if keep == "mixed":
        return chance.choice((0, SECTOR))
    return {"lost": 0, "kept": SECTOR}[keep]
