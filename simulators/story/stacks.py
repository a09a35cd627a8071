"""The store as it lies on the disk at the end, read by SQL of the story's own."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from fleet.store.clones import cloned
from fleet.store.losses import COPIED, TWICE, losses
from fleet.store.tables import open_reader

Epoch = tuple[int, int]  # epoch, seq

RECEIPTS = """SELECT epoch, seq, id, kind, readings, state, boot, offset_ms, coalesce(quality, 3) FROM receipts
  JOIN nodes ON nodes.key=receipts.node WHERE nodes.node=?"""
ROWS = """SELECT receipt, sensor, quantity, channel, t_ms, steps, flags, decimals FROM readings
  JOIN series ON series.id=series JOIN nodes ON nodes.key=series.node WHERE nodes.node=?"""
GAPS = """SELECT epoch, first, last FROM gaps JOIN nodes ON nodes.key=gaps.node WHERE nodes.node=?
  AND (gaps.readings>0 OR why NOT LIKE 'skipped%')"""
MET = """SELECT DISTINCT epoch FROM events JOIN receipts ON receipts.id=receipt JOIN nodes ON nodes.key=receipts.node
  WHERE nodes.node=? AND body LIKE '%another copy of this journal%'"""
BOOTS = """SELECT DISTINCT epoch, boot, boot_id FROM clocks JOIN nodes ON nodes.key=clocks.node WHERE nodes.node=?
  ORDER BY boot_id"""


class Filed(NamedTuple):
    """A receipt."""

    id: int
    kind: int
    readings: int
    state: int
    boot: int | None
    offset_ms: int | None
    quality: int  # 3 when nobody knows


class Row(NamedTuple):
    """A reading as it is stored."""

    sensor: str
    quantity: str
    channel: str
    t_ms: int
    steps: int
    flags: int
    decimals: int


class StoreView:
    """What anybody can read in `readings.db`."""

    def __init__(self, path: Path) -> None:
        self.db = open_reader(path)
        self._boots: dict[str, dict[tuple[int, int], list[str]]] = {}

    def filed(self, node: str) -> dict[Epoch, Filed]:
        """The receipts of a node, in order of arrival."""
        rows = self.db.execute(RECEIPTS + " ORDER BY receipts.id", (node,))
        return {(epoch, seq): Filed(*rest) for epoch, seq, *rest in rows}

    def rows(self, node: str) -> dict[int, list[Row]]:
        """Readings by receipt."""
        found: dict[int, list[Row]] = defaultdict(list)
        for receipt, *row in self.db.execute(ROWS, (node,)):
            found[receipt].append(Row(*row))
        return found

    def gaps(self, node: str) -> dict[int, list[tuple[int, int]]]:
        """What a node confessed, by epoch; numbers that it left out are no confession."""
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for epoch, first, last in self.db.execute(GAPS, (node,)):
            found[epoch].append((first, last))
        return found

    def lost(self, node: str, epoch: int) -> int:
        """Readings that are named as lost."""
        return sum(loss.readings or 0 for loss in losses(self.db, node) if loss.epoch == epoch)

    def copied(self, node: str) -> set[int]:
        """The epochs of which somebody says that there was another copy."""
        told = {loss.epoch for loss in losses(self.db, node) if loss.why in (COPIED, TWICE)}
        return told | {epoch for (epoch,) in self.db.execute(MET, (node,))}

    def cloned(self, node: str) -> bool:
        """Whether the office believes that somebody has a copy of its key."""
        return node in cloned(self.db)

    def boot_ids(self, node: str, epoch: int, boot: int | None) -> list[str]:
        """Which boots bore that number."""
        if node not in self._boots:
            known = self._boots[node] = defaultdict(list)
            for its_epoch, its_boot, boot_id in self.db.execute(BOOTS, (node,)):
                known[its_epoch, its_boot].append(boot_id)
        return self._boots[node].get((epoch, boot or 0), [])

    def close(self) -> None:
        """Done."""
        self.db.close()
