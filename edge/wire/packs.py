"""Chunks of neighbouring commits made one for the wire, and told apart again in the office.

A chunk of a ten seconds' commit costs a byte and more for each reading, one of a minute half of that. What the journal
holds stays as it was committed; only on its way out are chunks merged (`repack`), and each seq keeps its own count, so
that the office writes one receipt for each and skips the cells of those that it has (`shares`).

Merged are neighbours of one schema, one boot and one clock quality, of which each ends before the next begins: then
the cells in order of time are also in order of seq, and counting is all it takes to tell them apart. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain

from edge.wire.cells import Strip
from edge.wire.chunks import MOST_CELLS, ChunkError, Columns, Lookup, UnknownSchema, decode_columns, encode_columns
from edge.wire.record import Pack, Record, RecordKind

MOST_IN_PACK = 512  # seqs


def repack(records: Iterable[Record], lookup: Lookup, most_cells: int = 4_096) -> list[Record | Pack]:
    """The same seqs in as few bytes as they go; what cannot be merged stays as it is. Neighbours of one epoch."""
    done: list[Record | Pack] = []
    for run in _runs(records, lookup, min(most_cells, MOST_CELLS)):
        done += [_merged(run)] if len(run) > 1 else [run[0][0]]
    return done


def _runs(
    records: Iterable[Record], lookup: Lookup, most_cells: int
) -> Iterator[list[tuple[Record, Columns | None]]]:
    run: list[tuple[Record, Columns | None]] = []
    cells = 0
    for record in records:
        columns = _columns(record, lookup)
        count = columns.count if columns else 0
        if run and (len(run) >= MOST_IN_PACK or cells + count > most_cells or not _follows(run[-1][1], columns)):
            yield run
            run, cells = [], 0
        run.append((record, columns))
        cells += count
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


def _merged(run: Sequence[tuple[Record, Columns | None]]) -> Pack:
    parts = [columns for _, columns in run if columns is not None]
    first, strips = parts[0], _joined(parts)
    body = encode_columns(first.schema, first.boot, first.quality, strips)
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
    if sum(counts) != len(times) or not all(counts):
        raise ChunkError("the counts of a pack do not fit its chunk")
    ends = list(accumulate(counts))
    if any(times[end - 1] == times[end] for end in ends[:-1]):
        raise ChunkError("two seqs of a pack share an instant")
    starts = [times[end] for end in ends[:-1]]
    return [list(_cut(columns.strips, low, high)) for low, high in zip([None, *starts], [*starts, None], strict=True)]


def _cut(strips: Iterable[Strip], low: int | None, high: int | None) -> Iterator[Strip]:
    for strip in strips:
        begin = 0 if low is None else bisect_left(strip.times, low)
        end = len(strip.times) if high is None else bisect_left(strip.times, high)
        if begin < end:
            yield Strip(strip.column, strip.times[begin:end], strip.steps[begin:end], strip.flags[begin:end])
