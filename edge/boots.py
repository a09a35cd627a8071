"""Which boot this is: a small number that the readings carry, and whether the last run ended as it should.

Readings are stamped in time since boot, so each boot needs a number of its own in the journal, the same for every run
of the agent within that boot and never given to another. A small file says which was the last; a card that lies may
have lost that file's newest state, or the journal's, so the journal's own word is heard too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from edge.journal.disk import Disk
from edge.journal.errors import JournalError
from edge.journal.journal import Journal
from edge.wire.chunks import ChunkError, peek
from edge.wire.messages import ClockRecord, MessageError, from_json
from edge.wire.record import RecordKind

FILE = "boot.json"
FIRST_AT_RANDOM = 1 << 16
LARGEST = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Boot:
    """Ordinal and id of this boot; `unclean` says how the run before ended, "" when it ended as it should."""

    ordinal: int
    id: str
    unclean: str = ""


def newest(journal: Journal) -> int:
    """The ordinal that the last chunk and the last clock in the journal tell; 0 when there is none that can be read."""
    try:
        chunk, clock = journal.newest(RecordKind.CHUNK), journal.newest(RecordKind.CLOCK)
        return max(peek(chunk.body).boot if chunk else 0, from_json(ClockRecord, clock.body).boot if clock else 0)
    except (JournalError, ChunkError, MessageError):
        return 0


def begin(disk: Disk, boot_id: str, random: Callable[[], float], journalled: int = 0) -> Boot:
    """The boot in which this run begins, written down. `random` gives numbers from 0 up to but without 1, `journalled`
    is the newest ordinal in the journal."""
    before = _last(disk)
    same = before is not None and before[1] == boot_id
    if before is None:
        boot = Boot(_at_random(random) if _known(disk) else 1, boot_id)
    else:
        ordinal, _, clean = before
        why = "the agent was killed or crashed" if same else "the node lost power or was reset"
        boot = Boot(ordinal if same else min(max(ordinal, journalled) + 1, LARGEST), boot_id, "" if clean else why)
    return boot if keep(disk, boot) or same else Boot(_at_random(random), boot_id, boot.unclean)


def keep(disk: Disk, boot: Boot) -> bool:
    """Write down that this boot runs; again, when the disk would not at first."""
    return _write(disk, boot, False)


def end(disk: Disk, boot: Boot) -> None:
    """This run ends as it should."""
    _write(disk, boot, True)


def _at_random(random: Callable[[], float]) -> int:
    return FIRST_AT_RANDOM + int(random() * (LARGEST - FIRST_AT_RANDOM))


def _known(disk: Disk) -> bool:
    """Whether there may be readings of earlier boots."""
    try:
        return any(name.endswith(".journal") for name in disk.names())
    except OSError:
        return True


def _last(disk: Disk) -> tuple[int, str, bool] | None:
    try:
        tree = json.loads(disk.read_small(FILE))
        ordinal = tree["ordinal"]
        if type(ordinal) is not int or not 0 < ordinal <= LARGEST:
            return None
        return ordinal, str(tree["boot_id"]), tree["clean"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(disk: Disk, boot: Boot, clean: bool) -> bool:
    tree = {"ordinal": boot.ordinal, "boot_id": boot.id, "clean": clean}
    try:
        disk.write_small(FILE, json.dumps(tree).encode())
    except OSError:
        return False
    return True
