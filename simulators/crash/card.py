"""What a memory card holds when the power goes: from a list of steps to the files that may be found afterwards.

Of a file that was not synced any of its 512-byte sectors may be new or old, or half of each, or rubbish; its length may
be the new or the old one. Of changes of names that were not synced any beginning may have been kept, for file systems
keep them in order; and a rename happens or does not. A file's sync says nothing about its name, and the other way
round: POSIX promises no more. Where a file system does better, its states are among these.

Contents are shared between states: a state costs what is different in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from simulators.recording import Change, Emptied, FolderSynced, Made, Removed, Renamed, Step, Synced, Wrote

SECTOR = 512


class Card:
    """What is certain, and what is on its way. `files` is what was on it before the first step."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._names = {name: inode for inode, name in enumerate(sorted(files), 1)}
        self._content = {inode: files[name] for name, inode in self._names.items()}
        self._changes: list[Change] = []  # of names, in order
        self._dirty: dict[int, dict[int, bytes]] = {}  # inode, sector: what it is to hold
        self._size: dict[int, int] = {}  # of files that are on their way
        self.version = 0  # another one whenever what is certain changes

    def copy(self) -> Card:
        """Another card that stands as this one does."""
        other = Card({})
        other._names, other._content = dict(self._names), dict(self._content)
        other._changes, other._size = list(self._changes), dict(self._size)
        other._dirty = {inode: dict(sectors) for inode, sectors in self._dirty.items()}
        return other

    @property
    def certain(self) -> bool:
        """Nothing is on its way."""
        return not self._dirty and not self._changes and not self._size

    @property
    def choices(self) -> int:
        """How many things may go or stay."""
        return len(self._changes) + len(self._size) + sum(map(len, self._dirty.values()))

    # Steps.

    def take(self, step: Step) -> None:
        """The next step."""
        if isinstance(step, Wrote):
            self._write(step)
        elif isinstance(step, Synced):
            self._sync(step.inode)
        elif isinstance(step, FolderSynced):
            self._sync_folder(step.name)
        elif isinstance(step, Emptied):
            self._dirty[step.inode], self._size[step.inode] = {}, 0
        elif isinstance(step, Made | Renamed | Removed):
            self._changes.append(step)
            if isinstance(step, Made):
                self._content[step.inode] = b""

    def _write(self, step: Wrote) -> None:
        inode, at, data = step
        sectors = self._dirty.setdefault(inode, {})
        end = at + len(data)
        for number in range(at // SECTOR, -(-end // SECTOR)):
            begin, stop = max(at, number * SECTOR), min(end, (number + 1) * SECTOR)
            new = data[begin - at : stop - at]
            if len(new) < SECTOR:
                old, place = self._sector(inode, number), begin - number * SECTOR
                new = old[:place] + new + old[place + len(new) :]
            sectors[number] = new
        if end > self._seen_size(inode):
            self._size[inode] = end

    def _seen_size(self, inode: int) -> int:
        return self._size.get(inode, len(self._content[inode]))

    def _sector(self, inode: int, number: int) -> bytes:
        """As the running program sees it."""
        new = self._dirty.get(inode, {}).get(number)
        old = self._content[inode][: self._seen_size(inode)]
        return new if new is not None else old[number * SECTOR : (number + 1) * SECTOR].ljust(SECTOR, b"\0")

    def _sync(self, inode: int) -> None:
        self._content[inode] = self._seen(inode)
        self._dirty.pop(inode, None)
        self._size.pop(inode, None)
        self.version += 1

    def _sync_folder(self, folder: str) -> None:
        waiting: list[Change] = []
        for change in self._changes:
            if folder in _folders(change):
                _apply(self._names, change)
            else:
                waiting.append(change)
        self._changes = waiting
        self.version += 1

    def _seen(self, inode: int) -> bytes:
        return _patched(self._content[inode], self._dirty.get(inode, {}), self._seen_size(inode))

    # What may be left.

    def lost(self) -> dict[str, bytes]:
        """Nothing that was not synced is there."""
        return {name: self._content[inode] for name, inode in self._names.items()}

    def kept(self) -> dict[str, bytes]:
        """All of it is there, as after the death of the process alone."""
        return {name: self._seen(inode) for name, inode in self._after(len(self._changes)).items()}

    def drawn(self, chance: Random, torn: bool = False) -> dict[str, bytes]:
        """Of what was not synced some sectors and the first few changes of names are there; if `torn`, some sectors
        are half new and half old, or rubbish."""
        names = self._after(chance.randint(0, len(self._changes)))
        return {name: self._some(inode, chance, torn) for name, inode in names.items()}

    def _after(self, changes: int) -> dict[str, int]:
        names = dict(self._names)
        for change in self._changes[:changes]:
            _apply(names, change)
        return names

    def _some(self, inode: int, chance: Random, torn: bool) -> bytes:
        old, dirty = self._content[inode], self._dirty.get(inode)
        if dirty is None:
            return old
        kept: dict[int, bytes] = {}
        for number, new in dirty.items():
            if chance.random() < 0.5:
                before = old[number * SECTOR : (number + 1) * SECTOR].ljust(SECTOR, b"\0")
                kept[number] = _torn(before, new, chance) if torn and chance.random() < 0.6 else new
        full = self._seen_size(inode)
        size = full if full == len(old) else chance.choice((full, len(old), _reach(kept, full)))
        return _patched(old, kept, size)


def _folders(change: Change) -> set[str]:
    names = (change.old, change.new) if isinstance(change, Renamed) else (change.name,)
    return {name.rpartition("/")[0] for name in names}


def _apply(names: dict[str, int], change: Change) -> None:
    if isinstance(change, Made):
        names[change.name] = change.inode
    elif isinstance(change, Removed):
        names.pop(change.name, None)
    elif change.old in names:
        names[change.new] = names.pop(change.old)


def _patched(old: bytes, sectors: Mapping[int, bytes], size: int) -> bytes:
    if not sectors and size == len(old):
        return old
    content = bytearray(old[:size].ljust(size, b"\0"))
    for number, data in sectors.items():
        content[number * SECTOR : (number + 1) * SECTOR] = data
    return bytes(content[:size])


def _torn(old: bytes, new: bytes, chance: Random) -> bytes:
    if chance.random() < 0.2:
        return chance.randbytes(SECTOR)
    at = chance.randrange(SECTOR + 1)
    return new[:at] + old[at:]


def _reach(kept: Mapping[int, bytes], full: int) -> int:
    return min(full, (max(kept, default=-1) + 1) * SECTOR)
