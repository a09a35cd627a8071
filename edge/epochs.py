"""Which journal was here before: so that a new epoch is noticed by the node itself, and told.

A journal that cannot be read at all is set aside and a new epoch begins; or somebody loses its files. The office
would see only that a node begins to count anew. What is known of the old one is kept in a small file.
"""

from __future__ import annotations

import json

from edge.journal.disk import Disk
from edge.journal.journal import Journal
from edge.wire.messages import Scalar

FILE = "epoch.json"


def write(disk: Disk, journal: Journal) -> None:
    """How the journal stands; a disk that refuses keeps what it has."""
    tree = {"epoch": journal.epoch, "next": journal.next, "acked": journal.acked, "readings": journal.total_readings}
    data = json.dumps(tree).encode()
    try:
        disk.write_small(FILE, data)
    except OSError:
        return
    journal.spent.made(len(data))


def replaced(disk: Disk, journal: Journal) -> dict[str, Scalar] | None:
    """What is known of the journal that was here before this one; None when this is it, or the first.

    `old_next`, `old_acked` and `old_readings` are at least so many: they are written down now and then.
    """
    before = _read(disk)
    if before.get("epoch") == journal.epoch or not (before or journal.set_aside):
        return None
    old: dict[str, Scalar] = {f"old_{key}": value for key, value in before.items()}
    return old | {"epoch": journal.epoch, "files": journal.set_aside}


def _read(disk: Disk) -> dict[str, int]:
    try:
        tree = json.loads(disk.read_small(FILE))
        return {key: int(tree[key]) for key in ("epoch", "next", "acked", "readings")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
