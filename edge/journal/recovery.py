"""Finding out, at start, how the journal stands.

The header of every segment is read, and of the newest segment what it takes to find its last record: leaps, then
hops, and the bodies of the last commit alone, for only that one can be torn by a power cut. What came before was
durable before the next commit began; should it have rotted since, reading it will show.

A segment whose header cannot be read is still known by its first record. One that cannot be read at all is written
over when nothing is missing, for then a power cut tore it as it was entered; else it is set aside, and what is
missing is named in a gap. When nothing at all can be read, everything is set aside and a new epoch begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.journal.disk import Disk, DiskFile
from edge.journal.errors import JournalError
from edge.journal.layout import (
    SECTOR,
    LayoutError,
    Mark,
    NewerFormat,
    body_of,
    footprint,
    unpack_record,
    unpack_segment,
)
from edge.journal.naming import SKIPPED, UNREADABLE
from edge.journal.ring import Gap, Head, Ring, Segment
from edge.journal.walk import Step, Walk

LEAP = 1 << 20  # seqs; more than any segment holds


@dataclass
class Standing:
    """What recovery found: where the journal goes on, and what is missing."""

    epoch: int
    mark: Mark = field(default_factory=Mark)
    durable: Mark = field(default_factory=Mark)  # what the disk itself says
    next: int = 1
    newest: Segment | None = None
    tail: int = 0  # where the next record goes in `newest`
    gaps: list[Gap] = field(default_factory=list)
    aside: int = 0  # files of the epoch before, none of which could be read

    def leap(self, seqs: int) -> None:
        """Goes on so many seqs further, and names those between: their first givers may have been forgotten.

        A disk that lies loses commits of which the office was told already; no seq must mean two things.
        """
        if self.newest is None or seqs <= 0:
            return
        self.gaps.insert(0, Gap(self.next, self.next + seqs - 1, 0, SKIPPED))
        if self.mark.lowest == self.next:
            self.mark = self.mark._replace(lowest=self.next + seqs)
        self.next += seqs


@dataclass
class _Finding:
    segment: Segment
    epoch: int
    mark: Mark  # before its first record, or with it


def recover(disk: Disk, ring: Ring, epoch_maker: Callable[[], int], leap: int = 0) -> Standing:
    """Fills `ring` with the segments on `disk` and says how the journal stands. Raises OSError and JournalError."""
    findings, damaged = _survey(disk, ring)
    newest = max(findings, key=lambda finding: finding.segment.ordinal, default=None)
    if newest is None:
        for segment in damaged:
            disk.set_aside(segment.name)
        return Standing(epoch_maker(), aside=len(damaged))
    for finding in findings:
        if finding.epoch != newest.epoch:
            disk.set_aside(finding.segment.name)
    ours = [finding.segment for finding in findings if finding.epoch == newest.epoch]
    ring.used = sorted(ours, key=lambda segment: segment.ordinal)
    standing = _last_record(disk, newest)
    _settle(disk, ring, damaged, standing)
    standing.durable = standing.mark
    standing.leap(leap)
    return standing


def _survey(disk: Disk, ring: Ring) -> tuple[list[_Finding], list[Segment]]:
    findings: list[_Finding] = []
    damaged: list[Segment] = []
    for name in disk.names():
        if not (name.startswith("segment-") and name.endswith(".journal")):
            continue
        file = disk.open(name)
        try:
            segment = Segment(name, file.size())
            found = _identify(file, segment)
        except NewerFormat as error:
            raise _too_new(error) from None
        except LayoutError:
            damaged.append(segment)
        else:
            findings.append(found) if found else ring.unused.append(segment)
        finally:
            file.close()
    return findings, damaged


def _identify(file: DiskFile, segment: Segment) -> _Finding | None:
    """Whose segment it is; None when it was never used. Raises LayoutError."""
    try:
        known = unpack_segment(file.pread(SECTOR, 0))
    except NewerFormat:
        raise
    except LayoutError:
        return _identify_by_record(file, segment)
    if known is None:
        return None
    header, segment.use = known
    segment.ordinal, segment.first, segment.before = header.ordinal, header.first, header.mark.total
    return _Finding(segment, header.epoch, header.mark)


def _identify_by_record(file: DiskFile, segment: Segment) -> _Finding:
    record = unpack_record(file.pread(SECTOR, SECTOR))
    if record is None or record.place or body_of(record, file.pread(footprint(record.length), SECTOR)) is None:
        raise LayoutError("neither header nor first record")
    segment.ordinal, segment.use = record.ordinal, record.use
    segment.first, segment.before = record.seq, record.before
    return _Finding(segment, record.epoch, record.mark)


def _last_record(disk: Disk, newest: _Finding) -> Standing:
    segment = newest.segment
    file = disk.open(segment.name)
    try:
        walk = Walk(file, segment)
        last = _whole_end(walk, walk.leap()) or _whole_end(walk, SECTOR)
    finally:
        file.close()
    if last is None:
        return Standing(newest.epoch, newest.mark, newest.mark, segment.first, segment, SECTOR)
    return Standing(newest.epoch, last.header.mark, last.header.mark, last.header.seq + 1, segment, last.end)


def _whole_end(walk: Walk, at: int) -> Step | None:
    """The last record behind `at` that was not torn."""
    steps = list(walk.steps(at))
    torn = _commit(steps[-1]) if steps else 0
    while steps and _commit(steps[-1]) == torn and walk.body(steps[-1]) is None:
        steps.pop()
    return steps[-1] if steps else None


def _commit(step: Step) -> int:
    return step.header.seq - step.header.place


def _settle(disk: Disk, ring: Ring, damaged: list[Segment], standing: Standing) -> None:
    """Names what should be held and is not; decides about the damaged segments."""
    mark, head = standing.mark, Head(standing.next, standing.mark.total)
    held = [segment for segment, end in ring.spans(head) if end.seq > mark.lowest]
    missing = bool(held) and held[0].first > mark.lowest
    if missing:
        first = held[0]
        standing.gaps.append(Gap(mark.acked + 1, first.first - 1, first.before - mark.acked_total, UNREADABLE))
        standing.mark = mark._replace(lowest=first.first, released=first.before)
    skipped = bool(held) and held[-1].ordinal - held[0].ordinal >= len(held)
    for segment in damaged:
        if missing or skipped or segment.size < ring.segment_bytes:
            disk.set_aside(segment.name)
        else:
            ring.unused.append(segment)


def _too_new(error: NewerFormat) -> JournalError:
    return JournalError(
        f"The journal was written by a newer version of this program ({error}).",
        "It was not touched, and nothing was lost.",
        "Install that version again, or a later one.",
    )
