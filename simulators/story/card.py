"""The card of a node in a story: the disk in memory, which keeps no list of what was written, and may lie.

A lying card says that a sync is done and keeps what it should have written in its own memory; an honest sync that
follows carries it over, a power cut takes it.
"""

from __future__ import annotations

import json

from edge.floor import FILE
from edge.wire.version import BUILT_MS
from simulators.disk import Inode, MemoryDisk, Write


class Forgetful(list[Write]):
    """A list that nobody reads, for a story writes a lot."""

    def append(self, _write: Write) -> None:
        pass


class Card(MemoryDisk):
    """See `MemoryDisk`. `lies`: syncs are only said to be done."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = Forgetful()
        self.lies = False
        self.lied = 0  # syncs

    def copied(self) -> dict[str, bytes]:
        """The folder as somebody copies it."""
        return {name: bytes(inode.seen) for name, inode in self._seen.items()}

    def put_back(self, files: dict[str, bytes]) -> None:
        """Somebody replaces the folder by a copy, and nobody has a file of it open."""
        self._seen = {name: Inode(bytearray(data), bytearray(data)) for name, data in files.items()}
        self._card = dict(self._seen)
        self._changes.clear()
        self.powered += 1

    def no_cut(self) -> None:
        """The power stays."""
        self._steps_left = None

    def floor_ms(self) -> int:
        """The time before which, by what is written here, it cannot be; the release's, when it cannot be read."""
        if self._faults:
            return BUILT_MS
        try:
            return max(BUILT_MS, int(json.loads(self.content(FILE))["unix_ms"]))
        except (KeyError, ValueError):
            return BUILT_MS

    def _sync(self, inode: Inode) -> None:
        if self.lies:
            self.lied += 1
            self._step()
        else:
            super()._sync(inode)

    def _sync_names(self) -> None:
        if self.lies:
            self.lied += 1
            self._step()
        else:
            super()._sync_names()
