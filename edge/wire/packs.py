"""Chunks of neighbouring commits made one for the wire, and told apart again in the office.

A chunk of a ten seconds' commit costs a byte and more for each reading, one of a minute half of that. What the journal
holds stays as it was committed; only on its way out are chunks merged (`repack`), and each seq keeps its own count, so
that the office writes one receipt for each and skips the cells of those that it has (`shares`).

Merged are neighbours of one schema, one boot and one clock quality, of which each ends before the next begins: then
the cells in order of time are also in order of seq, and counting is all it takes to tell them apart. Records that have
nothing to say out there (an OPEN one, blanked) stand between nearly all commits of a pole that counts: they ride in the
pack as seqs without readings. Pure.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain

from edge.wire.cells import Strip
from edge.wire.chunks import MOST_CELLS, ChunkError, Columns, Lookup, UnknownSchema, decode_columns, encode_columns
from edge.wire.record import Pack, Record, RecordKind

MOST_IN_PACK = 512  # seqs
LARGE = 200  # readings: merging such a chunk with its like saves a tenth and costs three microseconds a reading

Run = list[tuple[Record, Columns | None]]


def repack(
    records: Iterable[Record], lookup: Lookup, most_cells: int = 4_096, large: int = LARGE
) -> list[Record | Pack]:
    """The same seqs in as few bytes as they go; what cannot be merged stays as it is. Neighbours of one epoch."""
    done: list[Record | Pack] = []
    for run in _runs(records, lookup, min(most_cells, MOST_CELLS), large):
        done += [_merged(run)] if len(run) > 1 else [run[0][0]]
    return done


def _runs(records: Iterable[Record], lookup: Lookup, most_cells: int, large: int) -> Iterator[Run]:
    run: Run = []
    cells, before = 0, None
    for record in records:
        columns = _columns(record, lookup) if record.count < large else None
        cells += columns.count if columns else 0
        blank = before is not None and record.kind == RecordKind.OPEN and not record.body
        if run and (len(run) >= MOST_IN_PACK or cells > most_cells or not (blank or _follows(before, columns))):
            yield run
            run, cells, blank = [], columns.count if columns else 0, False
        run.append((record, columns))
        before = before if blank else columns
    if run:
        yield run


def _columns(record: Record, lookup: Lookup) -> Columns | None:
    if record.kind != RecordKind.CHUNK:
        return None
    try:
        columns = decode_columns(lookup, record.body)
    except (ChunkError, UnknownSchema):
        return None
    return columns if columns.count and columns.count == record.count else None


def _follows(before: Columns | None, after: Columns | None) -> bool:
    if before is None or after is None:
        return False
    same = (before.schema.key, before.boot, before.quality) == (after.schema.key, after.boot, after.quality)
    return same and max(s.times[-1] for s in before.strips) < min(s.times[0] for s in after.strips)


def _merged(run: Run) -> Pack:
    parts = [columns for _, columns in run if columns is not None]
    first, body = parts[0], run[0][0].body
    if len(parts) > 1:
        body = encode_columns(first.schema, first.boot, first.quality, _joined(parts))
    return Pack(run[0][0].epoch, run[0][0].seq, tuple(record.count for record, _ in run), body)


def _joined(parts: Iterable[Columns]) -> list[Strip]:
    joined: dict[int, Strip] = {}
    for strip in chain.from_iterable(part.strips for part in parts):
        whole = joined.setdefault(strip.column, Strip(strip.column, [], [], []))
        whole.times += strip.times
        whole.steps += strip.steps
        whole.flags += strip.flags
    return [joined[column] for column in sorted(joined)]


def shares(columns: Columns, counts: Sequence[int]) -> list[list[Strip]]:
    """What of a pack's chunk belongs to each of its seqs. Raises ChunkError when the counts do not fit the chunk."""
    times = sorted(chain.from_iterable(strip.times for strip in columns.strips))
    if sum(counts) != len(times):
        raise ChunkError("the counts of a pack do not fit its chunk")
    ends = list(accumulate(counts))
    if any(0 < end < len(times) and times[end - 1] == times[end] for end in ends):
        raise ChunkError("two seqs of a pack share an instant")
    told = [index for index, count in enumerate(counts) if count]
    lasts = [times[ends[index] - 1] for index in told]
    parts: list[list[Strip]] = [[] for _ in counts]
    for strip in columns.strips:
        for place, piece in _pieces(strip, lasts):
            parts[told[place]].append(piece)
    return parts


def _pieces(strip: Strip, lasts: Sequence[int]) -> Iterator[tuple[int, Strip]]:
    """Whose of those that end at `lasts` holds what of a strip: as many steps as pieces, however many seqs."""
    begin = place = 0
    while begin < len(strip.times):
        place = bisect_left(lasts, strip.times[begin], place)
        end = bisect_right(strip.times, lasts[place], begin)
        yield place, Strip(strip.column, strip.times[begin:end], strip.steps[begin:end], strip.flags[begin:end])
        begin = end
