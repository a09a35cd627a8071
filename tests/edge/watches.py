"""A pole whose clock is wrong, and what it makes of that: for the tests of time."""

from __future__ import annotations

from edge import floor as floors
from edge.events import ClockTold
from edge.floor import Kept
from edge.timekeeping import DAY_MS
from edge.wire.clocks import ClockQuality, ClockRecord
from edge.wire.messages import CheckResult, from_json
from edge.wire.record import RecordKind
from edge.wire.version import BUILT_MS
from simulators.clock import VirtualClock
from simulators.disk import MemoryDisk
from tests.edge.loopback import Office
from tests.edge.pole import Pole

SYNCED, HOLDOVER, FLOOR, UNKNOWN = ClockQuality

NOW_MS = BUILT_MS + 2 * 365 * DAY_MS
TEN_YEARS_MS = 3_652 * DAY_MS
NEXT_BOOT = "0" * 31 + "2"


def watch(wall_ms: int, believed: ClockQuality = SYNCED, boot_s: int = 50) -> VirtualClock:
    """A clock that says so now, `boot_s` after boot."""
    return VirtualClock(boot_s * 1_000_000, wall_ms - boot_s * 1_000, believed=believed)


def records(office: Office) -> list[ClockRecord]:
    found = [record.body for _, record in sorted(office.records.items()) if record.kind == RecordKind.CLOCK]
    return [from_json(ClockRecord, body) for body in found]


def said(pole: Pole) -> tuple[ClockQuality, int | None]:
    """What the newest clock record makes of this moment."""
    record = records(pole.office)[-1]
    return record.quality, None if record.offset_ms is None else record.offset_ms + pole.clock.boot_ms()


def set_wall(pole: Pole, wall_ms: int, believed: ClockQuality) -> None:
    pole.clock.start_wall_ms, pole.clock.believed = wall_ms - pole.clock.boot_ms(), believed


def check(pole: Pole) -> CheckResult:
    return pole.health()["clock"]


def tell(pole: Pole, kind: str, wall_ms: int, error_ms: int = 500, who: str = "watch") -> None:
    pole.agent.inbox.put(ClockTold(who, pole.clock.boot_ms(), wall_ms, error_ms, kind))
    pole.live(2)


def rest(pole: Pole) -> None:
    """Let what was read last be committed."""
    pole.clock.advance(1)
    pole.settle()


def floor_of(disk: MemoryDisk) -> int | None:
    kept = floors.read(disk)
    return None if kept is None else kept.unix_ms


def boot_with(floor_ms: int, wall_ms: int, believed: ClockQuality) -> Pole:
    disk = MemoryDisk()
    floors.write(disk, Kept(floor_ms, "f" * 32, 10**6, floor_ms, 10))
    return Pole(disk=disk, clock=watch(wall_ms, believed))
