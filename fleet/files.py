"""Small files that must be whole or not at all: written beside, synced, renamed into place."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace(path: Path, text: str, mode: int = 0o600, owner: tuple[int, int] = (-1, -1)) -> None:
    """Puts `text` at `path` in one step that survives a power cut; `owner`: uid and gid if not ours. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(handle, mode)
        if owner != (-1, -1):
            os.fchown(handle, *owner)
        with os.fdopen(handle, "w", closefd=False) as file:
            file.write(text)
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(beside, path)
    sync_folder(path.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for its turn among processes that write the same thing."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
