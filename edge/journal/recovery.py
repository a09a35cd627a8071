"""Finding out, at start, how the journal stands.

The header of every segment is read, and of the newest segment what it takes to find its last record: leaps, then
hops, and the bodies of the last commit alone, for only that one can be torn by a power cut. What came before was
durable before the next commit began; should it have rotted since, reading it will show.

A commit is whole or it is not: what belongs together, such as the counts of a window and what the next one begins with,
must not come apart. So when any of the last one cannot be read, none of it counts. Nobody can tell whether it was torn
by a power cut or rotted since; so its seqs are named and never given out again.

A segment whose header cannot be read is searched for any record of its last use. One that holds none is written
over when nothing is missing, for then a power cut tore it as it was entered; else it is set aside, and what is
missing is named in a gap. When nothing at all can be read, everything is set aside and a new epoch begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from edge.journal.disk import Disk, DiskFile
from edge.journal.errors import JournalError
from edge.journal.layout import (
    LARGEST_COMMIT,
    SECTOR,
    LayoutError,
    Mark,
    NewerFormat,
    RecordHeader,
    unpack_record,
    unpack_segment,
)
from edge.journal.naming import UNREADABLE
from edge.journal.ring import Gap, Head, Ring, Segment
from edge.journal.walk import Step, Walk

_BLOCK = 64 * 1024
_TWO_COMMITS = 2 * LARGEST_COMMIT


@dataclass
class Standing:
    """What recovery found: where the journal goes on, and what is missing."""

    epoch: int
    mark: Mark = field(default_factory=Mark)
    next: int = 1
    newest: Segment | None = None
    tail: int = 0  # where the next record goes in `newest`
    gaps: list[Gap] = field(default_factory=list)
    aside: int = 0  # files of the epoch before, none of which could be read
    scarred: bool = False  # something may have stood behind the last record
    void: Head | None = None  # where the last commit began, if it does not count; `next` is behind it
    ordinal: int = 0  # the highest that was ever given out, as far as can be seen


@dataclass
class _Finding:
    segment: Segment
    epoch: int
    mark: Mark  # before its first record; with it, if the header cannot be read
    headless: bool = False


def recover(disk: Disk, ring: Ring, epoch_maker: Callable[[], int]) -> Standing:
    """Fills `ring` with the segments on `disk` and says how the journal stands. Raises OSError and JournalError."""
    findings, damaged = _survey(disk, ring)
    ordinal = max((finding.segment.ordinal for finding in findings), default=0)
    beyond = _leave_out(disk, findings, damaged)
    findings.sort(key=lambda finding: finding.segment.ordinal)
    newest = findings[-1] if findings else None
    if newest is None:
        for segment in damaged:
            disk.set_aside(segment.name)
        return Standing(epoch_maker(), aside=len(damaged))
    for finding in findings:
        if finding.epoch != newest.epoch:
            disk.set_aside(finding.segment.name)
    ours = [finding.segment for finding in findings if finding.epoch == newest.epoch]
    ring.used = ours
    standing = _last_record(disk, newest)
    if beyond > standing.next:
        standing.void, standing.next = standing.void or Head(standing.next, standing.mark.total), beyond
    standing.ordinal, standing.scarred = ordinal, standing.scarred or bool(damaged)
    _settle(disk, ring, damaged, standing)
    return standing


def _leave_out(disk: Disk, findings: list[_Finding], damaged: list[Segment]) -> int:
    """What is a segment only by a commit that does not count is none; the seq behind all of these."""
    beyond = 0
    for finding in [each for each in findings if each.headless]:
        only = _last_record(disk, finding)
        if only.void == finding.segment.head:
            findings.remove(finding)
            damaged.append(finding.segment)
            beyond = max(beyond, only.next)
    return beyond


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
        return _search(file, segment)
    if known is None:
        return None
    header, segment.use = known
    segment.ordinal, segment.first, segment.before = header.ordinal, header.first, header.mark.total
    return _Finding(segment, header.epoch, header.mark)


def _search(file: DiskFile, segment: Segment) -> _Finding:
    """By the first of the records of its last use. Raises LayoutError when there is none."""
    found = min(_headers(file, segment.size), key=lambda header: (-header.ordinal, header.seq), default=None)
    if found is None:
        raise LayoutError("neither header nor record")
    segment.ordinal, segment.use = found.ordinal, found.use
    segment.first, segment.before = found.seq, found.before
    return _Finding(segment, found.epoch, found.mark, True)


def _headers(file: DiskFile, size: int) -> Iterator[RecordHeader]:
    for block in range(SECTOR, size, _BLOCK):
        data = file.pread(min(_BLOCK, size - block), block)
        for at in range(0, len(data), SECTOR):
            if header := unpack_record(data, at):
                yield header


def _last_record(disk: Disk, newest: _Finding) -> Standing:
    segment = newest.segment
    file = disk.open(segment.name)
    try:
        walk = Walk(file, segment)
        near = walk.leap()
        for start in sorted({near, max(SECTOR, near - _TWO_COMMITS), SECTOR}, reverse=True):
            before, commit = _ending(walk.steps(start))
            if before is not None:  # what stood before the last commit has to be known
                break
        return _standing(newest, walk, before, commit)
    finally:
        file.close()


def _ending(steps: Iterable[Step]) -> tuple[Step | None, list[Step]]:
    """The last commit of these, and the record before it."""
    before: Step | None = None
    commit: list[Step] = []
    for step in steps:
        if commit and _commit(step) != _commit(commit[-1]):
            before, commit = commit[-1], []
        commit.append(step)
    return before, commit


def _standing(newest: _Finding, walk: Walk, before: Step | None, commit: list[Step]) -> Standing:
    if not commit:
        at, segment = SECTOR, newest.segment
        return Standing(newest.epoch, newest.mark, segment.first, segment, at, scarred=walk.scarred(at))
    last = commit[-1]
    if len(commit) == last.header.batch and all(walk.body(step) is not None for step in commit):
        scarred = walk.scarred(last.end)
        return Standing(newest.epoch, last.header.mark, last.header.seq + 1, newest.segment, last.end, scarred=scarred)
    segment = newest.segment
    if before is None:
        return Standing(newest.epoch, newest.mark, last.header.seq + 1, segment, scarred=True, void=segment.head)
    first = commit[0].header
    total = before.header.total if first.place else first.before
    mark = before.header.mark._replace(total=total)
    return Standing(newest.epoch, mark, last.header.seq + 1, segment, scarred=True, void=Head(_commit(last), total))


def _commit(step: Step) -> int:
    return step.header.seq - step.header.place


def _settle(disk: Disk, ring: Ring, damaged: list[Segment], standing: Standing) -> None:
    """Names what should be held and is not; decides about the damaged segments."""
    mark, head = standing.mark, standing.void or Head(standing.next, standing.mark.total)
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
