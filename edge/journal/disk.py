"""The disk as the journal sees it, and the real one: a folder.

The journal is handed its disk, so that the same code runs on a card, on a disk in memory that loses what was not
synced, and on one that records every call. `FolderDisk` is the only place here that speaks to the operating system.

Two promises carry the rest. A file that `create` made is whole: filled with zeros, synced, and its name synced too,
before anybody writes to it; a half-made one never bears its name. And `write_small` replaces a file so that after a
power cut either the old or the new content is there, never a mixture and never nothing.

A card may be read-only, failing or full when the agent starts, and be mended while it runs. So such a folder can be
opened all the same: each call tries again for the lock, and raises what the card says as long as it refuses.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from edge.journal.errors import REMEDIES, WORN, JournalBusy, JournalError

LOCK = "lock"
ASIDE = "quarantine"
_UNFINISHED = ".new"
_ZEROS = bytes(1 << 16)
_CLOSED = -1
MENDABLE = (errno.EROFS, errno.EIO, errno.ENOSPC, errno.EDQUOT)  # what a card says that may be well again later


class DiskFile(Protocol):
    """An open file. Every method raises OSError."""

    def pread(self, count: int, at: int) -> bytes: ...  # fewer bytes only at the end of the file
    def pwrite(self, data: bytes, at: int) -> None: ...  # all of it, or OSError
    def datasync(self) -> None: ...
    def size(self) -> int: ...
    def close(self) -> None: ...


class Disk(Protocol):
    """A flat set of files with one writer. Every method raises OSError."""

    def names(self) -> list[str]: ...
    def create(self, name: str, size: int) -> None: ...
    def open(self, name: str) -> DiskFile: ...
    def remove(self, name: str) -> None: ...
    def set_aside(self, name: str) -> None: ...  # out of sight, kept for whoever wants to look at it
    def write_small(self, name: str, data: bytes) -> None: ...
    def read_small(self, name: str) -> bytes: ...
    def free_bytes(self) -> int: ...
    def close(self) -> None: ...


class FolderFile:
    """One open file of a folder."""

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def pread(self, count: int, at: int) -> bytes:
        data = os.pread(self._number, count, at)
        while len(data) < count and (more := os.pread(self._number, count - len(data), at + len(data))):
            data += more
        return data

    def pwrite(self, data: bytes, at: int) -> None:
        done = os.pwrite(self._number, data, at)
        while done < len(data):
            done += os.pwrite(self._number, memoryview(data)[done:], at + done)

    def datasync(self) -> None:
        os.fdatasync(self._number)

    def size(self) -> int:
        return os.fstat(self._number).st_size

    def close(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


class FolderDisk:
    """The files of one folder, made if it is missing and locked as long as this object is open.

    Raises JournalBusy when another process has it, JournalError when the folder cannot be used. What `MENDABLE` names
    is not raised here: then every call raises OSError until the folder can be locked.

    A `private` one is for its owner's eyes only, files and folder. One that is not `alone` takes no lock: for a second
    process, which may look while the first one works, and change what that one does not.
    """

    def __init__(self, path: Path | str, private: bool = False, alone: bool = True) -> None:
        self.path = Path(path)
        self._lock: int | None = None
        self._private, self._alone = private, alone
        try:
            self._hold()
        except BlockingIOError as error:
            raise self._busy() from error
        except OSError as error:
            if error.errno not in MENDABLE:
                raise self._unusable(error) from error

    def _hold(self) -> None:
        """Lock the folder, unless we have it already. Raises OSError, BlockingIOError when another process has it."""
        if self._lock is None:
            self.path.mkdir(mode=0o700 if self._private else 0o777, parents=True, exist_ok=True)
            if self._private and self._alone:
                _sync_folder(self.path.parent)  # what lies in it may be worth nothing without its name
            if not self._alone:
                return
            number = self._open_lock()
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(number)
                raise
            self._lock = number

    def _open_lock(self) -> int:
        try:
            return os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            with contextlib.suppress(OSError):  # a lock needs no right to write
                return os.open(self.path / LOCK, os.O_RDONLY | os.O_CLOEXEC)
            raise

    def _held(self) -> Path:
        """The folder, which is ours. Raises OSError."""
        try:
            self._hold()
        except BlockingIOError as error:
            raise OSError(errno.EBUSY, "another process writes the journal there") from error
        return self.path

    def _busy(self) -> JournalBusy:
        return JournalBusy(
            f"Another process writes the journal in {self.path}.",
            "It goes on undisturbed, and nothing was changed.",
            "Ask the running agent with `edge status`, or stop it first with `sudo systemctl stop edge`.",
        )

    def _unusable(self, error: OSError) -> JournalError:
        return JournalError(
            f"The folder {self.path} cannot hold a journal: {error.strerror or error}.",
            "Nothing was changed.",
            REMEDIES.get(error.errno or 0, WORN),
        )

    def names(self) -> list[str]:
        with os.scandir(self._held()) as entries:
            found = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        return sorted(name for name in found if name != LOCK and not name.endswith(_UNFINISHED))

    def create(self, name: str, size: int) -> None:
        """A new file of `size` zeros. When the disk is full the half-made file is removed again."""
        self._replace(name, (_ZEROS[: min(len(_ZEROS), size - at)] for at in range(0, size, len(_ZEROS))))

    def open(self, name: str) -> FolderFile:
        return FolderFile(self._held() / name)

    def remove(self, name: str) -> None:
        (self._held() / name).unlink()
        _sync_folder(self.path)

    def set_aside(self, name: str) -> None:
        aside = self._held() / ASIDE
        aside.mkdir(exist_ok=True)
        number = 0
        while (place := aside / f"{name}.{number}").exists():
            number += 1
        os.rename(self.path / name, place)
        _sync_folder(aside)
        _sync_folder(self.path)

    def write_small(self, name: str, data: bytes) -> None:
        self._replace(name, [data])

    def _replace(self, name: str, parts: Iterable[bytes]) -> None:
        unfinished = self._held() / (name + _UNFINISHED)
        try:
            with open(unfinished, "wb", opener=self._opener) as file:
                if self._private:
                    os.fchmod(file.fileno(), 0o600)  # an earlier life may have left it with other rights
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            os.rename(unfinished, self.path / name)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
        _sync_folder(self.path)

    def _opener(self, path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o600 if self._private else 0o666)

    def read_small(self, name: str) -> bytes:
        return (self._held() / name).read_bytes()

    def free_bytes(self) -> int:
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize

    def close(self) -> None:
        lock, self._lock = self._lock, _CLOSED
        if lock is not None and lock != _CLOSED:
            os.close(lock)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
