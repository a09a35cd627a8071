"""Small files that must be whole or not at all: written beside, synced, renamed into place.

A card may be FAT, or a folder that another machine shares, and then modes and owners are what its mount says: who may
not change them there has changed nothing by being refused, if the new file is like the one whose place it takes.

Who types `sudo fleet` where the office runs as a user of its own must not lock it out: what root leaves in somebody's
folder belongs to that somebody.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNCHANGEABLE = (errno.EPERM, errno.EACCES, errno.ENOTSUP)  # what a mount of FAT or of a shared folder says
UNSYNCABLE = (errno.EINVAL, errno.ENOTSUP)  # the same, of folders


def replace(path: Path, text: str, mode: int = 0o600, owner: tuple[int, int] = (-1, -1)) -> None:
    """Puts `text` at `path` in one step that survives a power cut; `owner`: uid and gid if not ours. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    handle = _begun(beside, mode)
    try:
        _leave(handle, path.parent)
        _give(handle, path, mode, owner)
        with os.fdopen(handle, "w", closefd=False) as file:
            file.write(text)
        os.fsync(handle)
        os.rename(beside, path)
    except BaseException:  # half a secret is of no use, and takes room on a disk that has none
        with suppress(OSError):
            beside.unlink()
        raise
    finally:
        os.close(handle)
    sync_folder(path.parent)


def _begun(beside: Path, mode: int) -> int:
    """A file that nobody else has open: what lies there, of a power cut or of somebody who waits for a secret, goes."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(beside, flags, mode)
    except FileExistsError:
        beside.unlink()
        return os.open(beside, flags, mode)


def _leave(handle: int, folder: Path) -> None:
    """To the owner of the folder, if we are root and it is another's."""
    whose = folder.stat()
    if os.geteuid() == 0 != whose.st_uid and os.fstat(handle).st_uid == 0:
        with suppress(OSError):
            os.fchown(handle, whose.st_uid, whose.st_gid)


def _give(handle: int, path: Path, mode: int, owner: tuple[int, int]) -> None:
    try:
        os.fchmod(handle, mode)
        if owner != (-1, -1):
            os.fchown(handle, *owner)
    except OSError as error:
        if error.errno not in UNCHANGEABLE or not path.exists() or _rights(os.fstat(handle)) != _rights(path.stat()):
            raise


def _rights(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_mode, found.st_uid, found.st_gid


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for its turn among processes that write the same thing."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _leave(handle, path.parent)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable, where the file system knows how to."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSYNCABLE:
            raise
    finally:
        os.close(handle)
