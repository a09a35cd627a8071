"""A disk in memory that writes down every step that a folder on a real one would be asked for.

A crash can only be tried everywhere when everything that reached the disk is known, in order and in its smallest parts:
a name made, bytes written, a file synced, a name changed, a folder synced. `RecordingDisk` is that list with the files
as the running program sees them; `simulators.crash.card` turns each beginning of the list into what a power cut may
leave. `edge.journal.disk.FolderDisk` promises a new file whole or not at all, and keeps the promise in five steps:
those five are what is written down here. That both do the same is not believed but proven: `simulators.fuse_disk` is
the same list kept by a file system under the real process.

Names are paths within the folder, inodes are numbered in the order in which they came, those of the files that were
there before first (by name). A note is what the program under test told somebody at that point of the list.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from edge.journal.disk import ASIDE

FREE = 1 << 40
PART = 1 << 16  # bytes that a new file is filled with at a time
BESIDE = ".new"


class Made(NamedTuple):
    """A new empty file."""

    name: str
    inode: int


class Emptied(NamedTuple):
    """A file that was there was opened anew and cut to nothing."""

    inode: int


class Wrote(NamedTuple):
    inode: int
    at: int
    data: bytes


class Synced(NamedTuple):
    """fsync or fdatasync of a file."""

    inode: int


class Renamed(NamedTuple):
    old: str
    new: str


class Removed(NamedTuple):
    name: str


class FolderSynced(NamedTuple):
    """fsync of a folder; "" is the one that everything lies in."""

    name: str


class SmallBegun(NamedTuple):
    """A note: a small file is about to be replaced."""

    name: str
    data: bytes


class SmallDone(NamedTuple):
    """A note: the small file was replaced, its writer was told so."""

    name: str


class Told(NamedTuple):
    """A note: a commit returned. So the journal stands, as far as anybody was told."""

    epoch: int
    next: int
    total: int
    acked: int


class Forgot(NamedTuple):
    """A note: the journal is about to be told that the office has every seq up to `upto`."""

    upto: int


Change = Made | Renamed | Removed
Note = SmallBegun | SmallDone | Told | Forgot
Step = Change | Emptied | Wrote | Synced | FolderSynced | Note
NOTES = (SmallBegun, SmallDone, Told, Forgot)


class RecordingDisk:
    """Follows `edge.journal.disk.Disk`; `files` is what is there already. A planted bug overrides one of its parts."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.base = dict(files or {})
        self.log: list[Step] = []
        self._names = {name: inode for inode, name in enumerate(sorted(self.base), 1)}
        self._content: dict[int, bytes | bytearray] = {inode: self.base[name] for name, inode in self._names.items()}

    def note(self, note: Note) -> None:
        """The program under test told somebody something."""
        self.log.append(note)

    @property
    def files(self) -> dict[str, bytes]:
        """Everything as the running program sees it."""
        return {name: bytes(self._content[inode]) for name, inode in self._names.items()}

    def names(self) -> list[str]:
        return sorted(name for name in self._names if "/" not in name and not name.endswith(BESIDE))

    def create(self, name: str, size: int) -> None:
        self._replace(name, (bytes(min(PART, size - at)) for at in range(0, size, PART)))

    def open(self, name: str) -> RecordingFile:
        return RecordingFile(self, self._there(name))

    def remove(self, name: str) -> None:
        self._unlinked(name)
        self._sync_folder("")

    def set_aside(self, name: str) -> None:
        number = 0
        while (place := f"{ASIDE}/{name}.{number}") in self._names:
            number += 1
        self._rename(name, place)
        self._sync_folder(ASIDE)
        self._sync_folder("")

    def write_small(self, name: str, data: bytes) -> None:
        self.note(SmallBegun(name, data))
        self._replace(name, iter([data]))
        self.note(SmallDone(name))

    def read_small(self, name: str) -> bytes:
        return bytes(self._content[self._there(name)])

    def free_bytes(self) -> int:
        return FREE

    def close(self) -> None:
        """Nothing to let go of."""

    # Its parts.

    def _there(self, name: str) -> int:
        if name not in self._names:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._names[name]

    def _replace(self, name: str, parts: Iterator[bytes]) -> None:
        beside = name + BESIDE
        inode, at = self._made(beside), 0
        for part in parts:
            self._write(inode, part, at)
            at += len(part)
        self._sync(inode)
        self._rename(beside, name)
        self._sync_folder("")

    def _made(self, name: str) -> int:
        inode = self._names.get(name)
        if inode is None:
            inode = self._names[name] = len(self._content) + 1
            self.log.append(Made(name, inode))
        else:
            self.log.append(Emptied(inode))
        self._content[inode] = bytearray()
        return inode

    def _write(self, inode: int, data: bytes, at: int) -> None:
        content = self._content[inode]
        if isinstance(content, bytes):
            content = self._content[inode] = bytearray(content)
        if len(content) < at:
            content.extend(bytes(at - len(content)))
        content[at : at + len(data)] = data
        self.log.append(Wrote(inode, at, data))

    def _sync(self, inode: int) -> None:
        self.log.append(Synced(inode))

    def _rename(self, old: str, new: str) -> None:
        self._names[new] = self._names.pop(old)
        self.log.append(Renamed(old, new))

    def _unlinked(self, name: str) -> None:
        self._there(name)
        del self._names[name]
        self.log.append(Removed(name))

    def _sync_folder(self, name: str) -> None:
        self.log.append(FolderSynced(name))


class RecordingFile:
    """An open file of a RecordingDisk."""

    def __init__(self, disk: RecordingDisk, inode: int) -> None:
        self._disk = disk
        self._inode = inode

    def pread(self, count: int, at: int) -> bytes:
        return bytes(self._disk._content[self._inode][at : at + count])

    def pwrite(self, data: bytes, at: int) -> None:
        self._disk._write(self._inode, data, at)

    def datasync(self) -> None:
        self._disk._sync(self._inode)

    def size(self) -> int:
        return len(self._disk._content[self._inode])

    def close(self) -> None:
        """Nothing to let go of."""
