"""What the kernel counts of the card that holds a folder: sectors written, errors, and what an eMMC says of its life.

The block device is found by the number of the folder's device, and of a partition its whole disk is taken, for that is
what wears. Where there is none (a file system in memory, an overlay), the process's own counter must do.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge.wear import Written

SECTOR = 512
STAT_SECTORS_WRITTEN = 6


class Meter:
    """Of one folder. `root` is where /proc and /sys stand, `device` the folder's device number."""

    def __init__(self, folder: Path, root: Path = Path("/"), device: int | None = None) -> None:
        self._root = root
        try:
            number = os.stat(folder).st_dev if device is None else device
        except OSError:
            number = 0
        self._part = self._root / "sys/dev/block" / f"{os.major(number)}:{os.minor(number)}"

    def read(self) -> Written | None:
        """As it stands now; None when nobody counts."""
        part = self._part
        try:
            disk = part.resolve().parent if (part / "partition").exists() else part
            size = int((disk / "stat").read_text().split()[STAT_SECTORS_WRITTEN]) * SECTOR
        except (OSError, ValueError, IndexError):
            return self._own()
        tenths = max((number for word in _words(disk / "device/life_time") if (number := _number(word))), default=None)
        warning = next((_number(word) for word in _words(disk / "device/pre_eol_info")), None)
        name = part.resolve().name
        errors = next((_number(word) for word in _words(self._root / f"sys/fs/ext4/{name}/errors_count")), None)
        return Written(size, f"the kernel on {disk.resolve().name}", errors, tenths, warning)

    def _own(self) -> Written | None:
        """What this process sent to disks."""
        try:
            lines = (self._root / "proc/self/io").read_text().splitlines()
            fields = dict(line.split(": ") for line in lines)
            return Written(int(fields["write_bytes"]), "this process alone")
        except (OSError, ValueError, KeyError):
            return None


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (OSError, ValueError):
        return []


def _number(word: str) -> int | None:
    """Decimal, or with 0x."""
    try:
        return int(word, 0)
    except ValueError:
        return None
