"""What the host says of itself, from /proc and /sys: an ordinary sensor with the driver name `vitals`.

A figure that this host does not have is absent, never zero: a board without the Raspberry Pi's firmware file has an
unknown throttling state, which is something else than "not throttled". The root path is handed in, so that a test can
stand a file tree in its place.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from drivers.driver import Driver
from drivers.errors import NotMeasured
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen, Setting

MIB = 1024 * 1024
GULP = 16_384  # bytes; more than any of these files has
THROTTLED = (  # the path varies over the boards
    "sys/devices/platform/*/*firmware/get_throttled",
    "sys/devices/platform/*firmware/get_throttled",
    "sys/devices/platform/*/*firmware*/get_throttled",
)


class Vitals(Driver):
    """The host: its processor, memory, disk, temperature and power."""

    name = "vitals"
    title = "the node itself: load, memory, disk, temperature, power"
    measures = (
        Quantity.CPU_LOAD,
        Quantity.MEMORY_AVAILABLE,
        Quantity.DISK_FREE,
        Quantity.UPTIME,
        Quantity.TEMPERATURE,
        Quantity.THROTTLED,
    )
    settings = (Setting("disk", "/", "the folder whose file system's free space is measured"),)
    still_s = 0.0

    def __init__(self, root: Path = Path("/"), **settings: Chosen) -> None:
        super().__init__(**settings)
        self.root = root

    def look(self) -> list[Reading]:
        """All figures that this host has. Raises NotMeasured when it has none."""
        ways: dict[Quantity, Callable[[], float | None]] = {
            Quantity.CPU_LOAD: self._load,
            Quantity.MEMORY_AVAILABLE: self._memory,
            Quantity.DISK_FREE: self._disk,
            Quantity.UPTIME: self._uptime,
            Quantity.TEMPERATURE: self._temperature,
            Quantity.THROTTLED: self._throttled,
        }
        found = [Reading(quantity, value) for quantity, way in ways.items() if (value := seen(way)) is not None]
        if not found:
            raise NotMeasured(f"nothing to be read under {self.root}")
        return found

    def _text(self, path: str) -> str:
        """A small file of the kernel's, in one gulp: it is read each second for years."""
        number = os.open(self.root / path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(number, GULP).decode("ascii", "replace")
        finally:
            os.close(number)

    def _load(self) -> float:
        """Mean number of runnable processes over the last minute."""
        return float(self._text("proc/loadavg").split()[0])

    def _memory(self) -> float | None:
        _, _, behind = self._text("proc/meminfo").partition("MemAvailable:")
        return float(behind.split(maxsplit=1)[0]) / 1024 if behind else None

    def _disk(self) -> float:
        figures = os.statvfs(self.root / str(self.chosen["disk"]).lstrip("/"))
        return figures.f_bavail * figures.f_frsize / MIB

    def _uptime(self) -> float:
        return float(self._text("proc/uptime").split()[0])

    def _temperature(self) -> float:
        return int(self._text("sys/class/thermal/thermal_zone0/temp")) / 1_000

    def _throttled(self) -> float | None:
        """The firmware's bits: 0 under-voltage, 1 capped, 2 throttled, 3 soft limit; 16 to 19: since boot."""
        return float(int(self._firmware.read_text().strip(), 16)) if self._firmware is not None else None

    @cached_property
    def _firmware(self) -> Path | None:
        """Looked for once: the search costs more than all the rest, and the file is there from boot or never."""
        return next((path for pattern in THROTTLED for path in sorted(self.root.glob(pattern))), None)


def seen(way: Callable[[], float | None]) -> float | None:
    """What a way of looking gives; None where the host has no such thing or it can not be read."""
    try:
        return way()
    except (OSError, ValueError, IndexError):
        return None
