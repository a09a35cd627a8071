"""What was spent of a metered day, in a small file beside the journal: a restart gives no new day's bytes.

It is written some forty times a day, before more is spent than it says. A disk that refuses it costs nothing but
this memory; it is tried again.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from edge.allowance import DAY_MS, Allowance, Day
from edge.journal.disk import Disk
from edge.timekeeping import Belief

FILE = "ration.json"


class Ration:
    """The memory of an allowance."""

    def __init__(self, disk: Disk, boot_id: str, allowance: Allowance, now_ms: int) -> None:
        self._disk, self._boot_id, self._allowance = disk, boot_id, allowance
        self._began = allowance.spent
        self._known = self._resume(now_ms)

    def _resume(self, now_ms: int) -> bool:
        """Go on where an earlier run was; False when the disk does not tell yet."""
        ours = self._allowance.spent - self._began
        try:
            day = read(self._disk)
        except FileNotFoundError:
            day = None
        except ValueError:
            return True
        except OSError:
            return False
        self._allowance.resume(day, self._boot_id, now_ms)
        self._allowance.spent += ours
        return True

    def keep(self, belief: Belief, now_ms: int, last: bool = False) -> None:
        """Turn to the day that it is, and write down what is spent of it, if that is due."""
        if not self._allowance.limited:
            return
        self._known = self._known or self._resume(now_ms)
        if belief.trusted and belief.offset_ms is not None:
            self._allowance.dated(belief.offset_ms, now_ms)
        due = self._known and (last or self._allowance.unkept(now_ms))
        if due and write(self._disk, self._allowance.day(self._boot_id, now_ms, last)):
            self._allowance.kept(now_ms)


def write(disk: Disk, day: Day) -> bool:
    """Written down, or not just now."""
    try:
        disk.write_small(FILE, json.dumps(asdict(day)).encode())
    except OSError:
        return False
    return True


def read(disk: Disk) -> Day:
    """What is written. Raises OSError, ValueError when it can not be."""
    try:
        day = Day(**json.loads(disk.read_small(FILE)))
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    numbers = (day.number or 0, day.begin_ms, day.passed_ms, day.spent, day.of_backlog)
    if not isinstance(day.boot_id, str) or not all(type(number) is int for number in numbers):
        raise ValueError("what was spent is a whole number")
    if not 0 <= day.passed_ms <= DAY_MS or min(day.spent, day.of_backlog) < 0:
        raise ValueError(f"nobody spends {day.spent} bytes in {day.passed_ms} ms of a day")
    return day
