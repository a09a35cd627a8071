"""The floor: a time before which it cannot be now, kept over power cuts, because many nodes wake up in 1970.

Two floors lie on each other. The lower is the day of the release: never less. The upper is the last time that this
node was sure of, written to `floor.json` beside the journal; with it goes what the clock of that boot was, so that an
agent that is started again within a boot knows at once what the one before had learnt. Time since boot is a floor
that rises: whatever the wall says, at least so much later must it be.

A floor that was learnt from a wrong clock is let go by an operator: his card says when it was written, and while its
token is unspent nothing above that time is a floor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from edge.journal.disk import Disk
from edge.wire.clocks import credible
from edge.wire.version import BUILT_MS

FILE = "floor.json"
MARGIN_MS = 60_000  # the floor lies so far under what we are sure of: leap seconds and small steps back are no wonder
WANDER_PPM = 100  # the crystal of a cheap board between frost and sun
LARGEST = 1 << 60


@dataclass(frozen=True, slots=True)
class Floor:
    """At `at_ms` since boot it was `unix_ms` or later; `known`: this node has been sure of that once."""

    unix_ms: int
    at_ms: int
    known: bool

    def at(self, now_ms: int) -> int:
        """The floor in Unix ms at another moment of this boot."""
        passed_ms = max(0, now_ms - self.at_ms)
        return self.unix_ms + passed_ms - passed_ms * WANDER_PPM // 1_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """The file: at `at_ms` of boot `boot_id` it was `unix_ms` or later; `offset_ms` None: the time itself was not
    known."""

    unix_ms: int
    boot_id: str
    at_ms: int
    offset_ms: int | None = None
    uncertainty_ms: int = 0


def lowered(floor: Floor, vouched_ms: int | None, now_ms: int) -> Floor:
    """What is left of it where an operator vouches that it was `vouched_ms` not long ago; None: nobody does."""
    if vouched_ms is None:
        return floor
    least_ms = max(vouched_ms - MARGIN_MS, BUILT_MS)
    return Floor(least_ms, now_ms, True) if floor.at(now_ms) > least_ms else floor


def read(disk: Disk) -> Kept | None:
    """What is written; None when there is nothing, or nothing that can be."""
    try:
        tree = json.loads(disk.read_small(FILE))
        kept = Kept(tree["unix_ms"], tree["boot_id"], tree["at_ms"], tree["offset_ms"], tree["uncertainty_ms"])
        return kept if _sound(kept) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sound(kept: Kept) -> bool:
    numbers = (kept.unix_ms, kept.at_ms, kept.uncertainty_ms, kept.offset_ms or 0)
    if not isinstance(kept.boot_id, str) or not all(type(number) is int for number in numbers):
        return False
    return credible(kept.unix_ms) and 0 <= kept.at_ms <= LARGEST and 0 <= kept.uncertainty_ms <= LARGEST


def write(disk: Disk, kept: Kept) -> bool:
    """Written down, or not just now."""
    tree = {"unix_ms": kept.unix_ms, "boot_id": kept.boot_id, "at_ms": kept.at_ms, "offset_ms": kept.offset_ms,
            "uncertainty_ms": kept.uncertainty_ms}  # fmt: skip
    try:
        disk.write_small(FILE, json.dumps(tree).encode())
    except OSError:
        return False
    return True


def begin(kept: Kept | None, boot_id: str, now_ms: int) -> Floor:
    """The floor of a run that begins now, after what was kept."""
    if kept is None:
        return Floor(BUILT_MS, now_ms, False)
    same = kept.boot_id == boot_id and kept.at_ms <= now_ms
    return Floor(kept.unix_ms, kept.at_ms if same else now_ms, True)
