"""Counting heads: what was sampled at the chips, what the journals took, what the store has. The three must agree.

The figures come from three places that cannot see each other: a page of memory beside the agents, the cumulative
counter in each journal, and the rows in the office's store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.journal.disk import FolderDisk
from edge.journal.journal import Journal
from fleet.store.reader import Reader

CAP_BYTES = 1 << 30  # larger than any journal of the street, so that looking changes nothing


@dataclass(frozen=True, slots=True)
class Head:
    """One node's figures, in readings."""

    node: str
    sampled: int
    journalled: int
    stored: int
    named_gone: int
    may_miss: int = 0  # readings that its kills may have cost: a commit interval's worth for each

    @property
    def missed(self) -> int:
        """Sampled, and not taken by the journal."""
        return self.sampled - self.journalled

    @property
    def whole(self) -> bool:
        """Whether the promise holds at this node, to the reading."""
        return self.lost == 0 and 0 <= self.missed <= self.may_miss

    @property
    def lost(self) -> int:
        """Journalled, neither stored nor named in a gap; below 0 when more is there, or named, than there ever was."""
        return self.journalled - self.stored - self.named_gone


@dataclass(frozen=True, slots=True)
class Census:
    """The whole street's."""

    heads: tuple[Head, ...]
    duplicated_rows: int
    fallen: tuple[str, ...] = ()  # nodes whose agent ended although nobody asked for it

    @property
    def whole(self) -> bool:
        """Whether the promise holds, to the reading and at every node: nothing lost in silence, nothing twice."""
        return all(head.whole for head in self.heads) and self.duplicated_rows == 0 and not self.fallen

    @property
    def lost(self) -> int:
        return sum(head.lost for head in self.heads)

    @property
    def gaps(self) -> int:
        return sum(head.named_gone for head in self.heads)

    @property
    def stored(self) -> int:
        return sum(head.stored for head in self.heads)

    @property
    def journalled(self) -> int:
        return sum(head.journalled for head in self.heads)

    def tree(self) -> dict[str, Any]:
        """Ready for JSON: the totals first, then each node."""
        totals = {
            "sampled": sum(head.sampled for head in self.heads),
            "journalled": self.journalled,
            "stored": self.stored,
            "duplicated_rows": self.duplicated_rows,
            "lost": self.lost,
            "gaps": self.gaps,
            "fallen": list(self.fallen),
        }
        return totals | {"nodes": [asdict(head) | {"lost": head.lost} for head in self.heads]}


def take_census(
    sampled: Mapping[str, int],
    journals: Mapping[str, Path],
    reader: Reader,
    fallen: tuple[str, ...] = (),
    may_miss: Mapping[str, int] | None = None,
) -> Census:
    """Counts a street that is quiet; raises JournalBusy while an agent still runs.

    `may_miss`: readings that may be sampled and not journalled, of nodes that were killed.
    """
    stored = reader.readings_by_node()
    heads = []
    for node, count in sampled.items():
        gone = sum(loss.readings or 0 for loss in reader.losses(node))
        allowed = (may_miss or {}).get(node, 0)
        heads.append(Head(node, count, journalled(journals[node]), stored.get(node, 0), gone, allowed))
    return Census(tuple(heads), reader.duplicated_rows(), fallen)


def journalled(folder: Path) -> int:
    """What the journal's own cumulative counter says."""
    disk = FolderDisk(folder)
    try:
        return Journal.open(disk, lambda: 1, CAP_BYTES).total_readings
    finally:
        disk.close()
