"""How much the journal may take where the board does not say: worth ninety days of its own rate, if the card has room.

A commit takes whole sectors, so the rate on the disk is that of commits and not of readings: one record of readings
and one of open windows in each, and a byte and a half for a reading beyond what fits. What a driver gives is guessed
at four readings a time, which is more than most do.
"""

from __future__ import annotations

from edge.journal.disk import Disk
from edge.journal.journal import Journal
from edge.journal.layout import SECTOR, footprint
from edge.wiring import Wiring

DAY_MS = 86_400_000
DAYS = 90
LEAST_BYTES = 16 * 2**20
MOST_BYTES = 2**40
READINGS, BYTES_EACH, HEAD_BYTES = 4, 1.5, 40
MEASURED_AFTER_MS = 3_600_000


def day_bytes(wiring: Wiring) -> float:
    """What this board writes into its journal on a day, by its own intervals."""
    commit_ms = wiring.journal.commit_ms
    each = sum(READINGS * commit_ms / (sensor.window_ms or sensor.interval_ms) for sensor in wiring.sensors)
    per_commit = footprint(HEAD_BYTES + int(each * BYTES_EACH)) + SECTOR
    return per_commit * DAY_MS / commit_ms


def cap_bytes(wiring: Wiring, disk: Disk) -> int:
    """The journal's cap: what the board says, else ninety days' worth, but no more than half of what the disk has to
    spare with the journal's own files, and sixteen MiB at least. While the disk does not say what it has to spare, the
    journal keeps what it has: nothing is thinned for that. Raises OSError."""
    if wiring.journal.cap_bytes:
        return wiring.journal.cap_bytes
    wanted, taken = min(MOST_BYTES, int(DAYS * day_bytes(wiring))), _taken(disk)
    try:
        room = (disk.free_bytes() + taken) // 2
    except OSError:
        room = taken
    return max(LEAST_BYTES, min(wanted, room))


def _taken(disk: Disk) -> int:
    size = 0
    for name in disk.names():
        if name.endswith(".journal"):
            file = disk.open(name)
            size += file.size()
            file.close()
    return size


def days_left(journal: Journal, wiring: Wiring, run_ms: int) -> int:
    """Whole days until a journal of which nothing is acked any more is full; at this run's rate once that is known."""
    rate = day_bytes(wiring)
    if run_ms >= MEASURED_AFTER_MS and journal.committed_bytes:
        rate = journal.committed_bytes * DAY_MS / run_ms
    return int(max(0, journal.cap_bytes - journal.used_bytes) / rate)
