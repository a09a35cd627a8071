"""What the journal has lost and must say: found at start or while reading, named once by the next commits. Pure."""

from __future__ import annotations

from dataclasses import replace

from edge.journal.layout import Mark
from edge.journal.naming import FULL, SKIPPED, UNREADABLE, named_by
from edge.journal.reading import Missing
from edge.journal.ring import Gap
from edge.wire.record import Record

PER_COMMIT = 8


class Losses:
    """Gaps that no record names yet, in the order in which they are to be named."""

    def __init__(self, found: list[Gap]) -> None:
        self.pending = list(found)
        self._named: set[tuple[int, int]] = set()

    @property
    def skipped(self) -> bool:
        """Whether a leap is to be named: the next record must stand right behind that gap."""
        return self.pending[:1] != [] and self.pending[0].why == SKIPPED

    def skip(self, first: int, last: int) -> None:
        """Nobody ever had these seqs, or nobody was told of them; what was skipped before is named with them."""
        if self.skipped:
            first = self.pending.pop(0).first
        self.pending.insert(0, Gap(first, last, 0, SKIPPED))
        self._named.add((first, last))

    def miss(self, missing: Missing, mark: Mark, behind: Record | None = None) -> None:
        """To be named, once, unless the record behind it does so. So is what was given up before, for the record that
        named it may be among these."""
        first, last = max(missing.begin.seq, mark.lowest), missing.end.seq - 1
        if first > last or any(low <= first and last <= high for low, high in [*self._named, *named_by(behind)]):
            return
        self._named.add((first, last))
        self.pending.append(Gap(first, last, missing.end.total - missing.begin.total, UNREADABLE))
        again = Gap(mark.acked + 1, mark.lowest - 1, mark.released - mark.acked_total, FULL)
        if again.first <= again.last and again not in self.pending:
            self.pending.append(again)

    def some(self, most: int) -> list[Gap]:
        """What one commit may name."""
        return self.pending[: max(0, min(most, PER_COMMIT))]

    def beside(self, given_up: Gap, gaps: list[Gap]) -> list[Gap]:
        """What a commit names that gives something up and was to name `gaps`: what lies in it is named with it, but
        for a leap. That is no loss, and another copy of this journal may go on there."""
        if self.skipped:
            given_up = replace(given_up, last=min(given_up.last, self.pending[0].first - 1))
        others = [gap for gap in gaps if gap.last > given_up.last]
        return [given_up, *others] if given_up.first <= given_up.last else others

    def wrote(self, gaps: list[Gap], lowest: int) -> None:
        """These are named on the disk, and so is everything below `lowest`."""
        self.pending = [gap for gap in self.pending if gap not in gaps and gap.last >= lowest]

    def forget(self, upto: int) -> None:
        """The office knows all about everything up to here."""
        self._named = {named for named in self._named if named[1] > upto}
        self.pending = [gap for gap in self.pending if gap.last > upto]
