"""A card to write on: ext4 with 4 KiB blocks on a loop device, so that the kernel counts what reaches the flash.

Lazy initialisation is off, for the file system would otherwise go on zeroing its tables while we measure. Needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
CARD_BYTES = 128 << 20
NEEDS = ("losetup", "mkfs.ext4", "mount", "umount")
STAT_WRITES, STAT_SECTORS, STAT_FLUSHES = 4, 6, 15


class NoCard(Exception):
    """This machine makes no loop-mounted file system; says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a block device has taken so far."""

    size: int
    writes: int
    flushes: int

    def since(self, before: Written) -> Written:
        return Written(self.size - before.size, self.writes - before.writes, self.flushes - before.flushes)


@dataclass(frozen=True, slots=True)
class Card:
    """A mounted card: where, and on which loop device."""

    folder: Path
    device: str

    def options(self) -> str:
        """As the kernel says they are."""
        for line in Path("/proc/self/mounts").read_text().splitlines():
            source, _, kind, options, *_ = line.split()
            if source == self.device:
                return f"{kind} {options}"
        return "not mounted"

    def sync(self) -> None:
        """Everything of this file system to the device."""
        subprocess.run(["sync", "-f", str(self.folder)], check=True)

    def written(self) -> Written:
        fields = Path(f"/sys/block/{Path(self.device).name}/stat").read_text().split()
        flushes = int(fields[STAT_FLUSHES]) if len(fields) > STAT_FLUSHES else 0
        return Written(int(fields[STAT_SECTORS]) * SECTOR, int(fields[STAT_WRITES]), flushes)


def missing() -> str:
    """What this machine lacks to make a card; empty when nothing."""
    if os.geteuid() != 0:
        return "it needs root"
    if lacking := [name for name in NEEDS if not shutil.which(name)]:
        return f"{', '.join(lacking)} not found"
    return "" if Path("/dev/loop-control").exists() else "there is no /dev/loop-control"


@contextmanager
def card(folder: Path, name: str, options: str) -> Iterator[Card]:
    """A fresh card; everything is undone at the end. Raises NoCard."""
    image, mounted = folder / f"{name}.img", folder / name
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(CARD_BYTES)
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    _run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", lazy, str(image))
    device = _run("losetup", "--find", "--show", str(image))
    try:
        _run("mount", "-t", "ext4", *(["-o", options] if options else []), device, str(mounted))
        try:
            yield Card(mounted, device)
        finally:
            _run("umount", str(mounted))
    finally:
        _run("losetup", "--detach", device)
        image.unlink()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoCard(f"`{' '.join(command)}` said: {done.stderr.strip()}")
    return done.stdout.strip()
