"""Which columns were read together, and when.

Columns with the same times form a group and pay for their times once. The longest group comes first; a group whose
times are some of its times (a sensor read every sixth time, a talk that failed twice) only says which: those taken, or,
where they are fewer, those left out, so that reading takes no longer than what is read is worth.

    number of groups small; for each column of the schema `1`: as the column before (the first: group 0), or `0` and
    its group in as few bits as hold the number of groups, which itself means that the column is absent
    group 0: length wide, times (see stamps)
    others: length wide, then `0` and times; or `1`, `0` for taken or `1` for left out, and these indices in group 0:
    first small, then the list of steps between them
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from operator import sub

from edge.wire import rice, stamps
from edge.wire.bits import BitReader, fixed, small, wide
from edge.wire.cells import Strip
from edge.wire.codec import CodecError


@dataclass(slots=True)
class Group:
    """Columns of the same times."""

    times: list[int]
    columns: list[int] = field(default_factory=list)


def arrange(strips: list[Strip]) -> list[Group]:
    """The strips' columns by their times, the longest first."""
    found: dict[tuple[int, ...], Group] = {}
    before: Group | None = None
    for strip in strips:
        if before is None or strip.times is not before.times:
            before = found.setdefault(tuple(strip.times), Group(strip.times))
        before.columns.append(strip.column)
    return sorted(found.values(), key=lambda group: -len(group.times))


def write(groups: list[Group], width: int) -> str:
    """Who belongs where in a schema of `width` columns, and when."""
    first = groups[0].times
    spelled = [_write_members(groups, width), wide(len(first)), stamps.write(first)]
    places = {time: index for index, time in enumerate(first)}
    return "".join(spelled + [_write_times(group.times, first, places) for group in groups[1:]])


def _write_members(groups: list[Group], width: int) -> str:
    absent = len(groups)
    member = {column: index for index, group in enumerate(groups) for column in group.columns}
    out, before = [small(absent)], 0
    for column in range(width):
        group = member.get(column, absent)
        out.append("1" if group == before else "0" + fixed(group, absent.bit_length()))
        before = group
    return "".join(out)


def _write_times(times: list[int], first: list[int], places: dict[int, int]) -> str:
    own = "0" + stamps.write(times, first[0])
    spelled = [own]
    indices = [places.get(time, -1) for time in times]
    if -1 not in indices and len({*indices}) == len(indices):
        taken = {*indices}
        left_out = [index for index in range(len(first)) if index not in taken]
        spelled.append("10" + _write_indices(indices))
        if len(left_out) <= len(indices):
            spelled.append("11" + _write_indices(left_out))
    return wide(len(times)) + min(spelled, key=len)


def _write_indices(indices: list[int]) -> str:
    return small(indices[0]) + rice.write(list(map(sub, indices[1:], indices)))


def read(bits: BitReader, width: int, count: int) -> list[Group]:
    """The groups of a chunk of `count` cells. Raises CodecError."""
    groups = _read_members(bits, width)
    for index, group in enumerate(groups):
        length = bits.wide()
        count -= length * len(group.columns)
        if not length or count < 0 or not group.columns:
            raise CodecError("the groups do not fit the count")
        group.times = _read_times(bits, groups[0].times, length) if index else stamps.read(bits, length)
    if count:
        raise CodecError("the groups do not fit the count")
    return groups


def _read_members(bits: BitReader, width: int) -> list[Group]:
    absent = bits.small()
    if not 1 <= absent <= width:
        raise CodecError("the groups do not fit the schema")
    groups = [Group([]) for _ in range(absent)]
    group = 0
    for column in range(width):
        if not bits.fixed(1):
            group = bits.fixed(absent.bit_length())
        if group > absent:
            raise CodecError("no such group")
        if group < absent:
            groups[group].columns.append(column)
    return groups


def _read_times(bits: BitReader, first: list[int], length: int) -> list[int]:
    if not bits.fixed(1):
        return stamps.read(bits, length, first[0])
    if not bits.fixed(1):
        return [first[index] for index in _read_indices(bits, length, len(first))]
    if not length <= len(first) <= 2 * length:
        raise CodecError("more left out than taken")
    taken = {*range(len(first))} - {*_read_indices(bits, len(first) - length, len(first))}
    return [first[index] for index in sorted(taken)]


def _read_indices(bits: BitReader, length: int, limit: int) -> list[int]:
    if not length:
        return []
    begin = bits.small()
    steps = rice.read(bits, length - 1)
    indices = list(accumulate(steps, initial=begin))
    if (steps and min(steps) < 1) or indices[-1] >= limit:
        raise CodecError("no such time")
    return indices
