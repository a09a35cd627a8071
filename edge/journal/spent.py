"""What a run cost the card: a block is written whole, however little of it is new, and each sync makes it so."""

from __future__ import annotations

from edge.journal.disk import Disk, DiskFile

BLOCK = 4096  # bytes: what file systems and cards write at least
RENAMED = 2 * BLOCK  # the folder and the file's own entry, for a file that is made anew


class Spent:
    """Bytes and syncs since the run began."""

    def __init__(self) -> None:
        self.bytes_written = 0
        self.syncs = 0

    def commit(self, file: DiskFile, data: bytes, at: int) -> None:
        """One write and one sync. Raises OSError."""
        self.bytes_written += -(-(at + len(data)) // BLOCK) * BLOCK - at // BLOCK * BLOCK
        self.syncs += 1
        file.pwrite(data, at)
        file.datasync()

    def create(self, disk: Disk, name: str, size: int) -> None:
        """A new file of zeros. Raises OSError."""
        self.made(size)
        disk.create(name, size)

    def made(self, size: int) -> None:
        """A file was written anew, synced, and so was the folder."""
        self.bytes_written += -(-size // BLOCK) * BLOCK + RENAMED
        self.syncs += 2
