"""The times of a group of columns: mostly a timetable, seldom quite on it.

A sampler that is due every ten seconds wakes a few milliseconds late, each time by a different bit. Against the
timetable that costs the spread of one delay per sample; between neighbours it would cost two. And as timetables count
from the boot, the number of the first slot is shorter than its time. So a list of times is, whichever is shorter:

    `0`, the first (signed wide, from a time near it that the caller knows), the list of differences (see rice)
    `1`, 4 bits for one of the usual periods (14: another one, wide), the first slot (signed wide, from the one of the
    time near it), the list of distances from the slots

One time alone is as the first of these, without the `0`. Times never run backwards; the same time may come twice.
"""

from __future__ import annotations

from itertools import accumulate, count
from operator import add, le, sub

from edge.wire import rice
from edge.wire.bits import BitReader, fixed, signed_wide, wide
from edge.wire.codec import CodecError

LARGEST_TIME = 2**62
_SECONDS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
PERIODS = tuple(1000 * seconds for seconds in _SECONDS)
_PERIOD_BITS = 4
_NEAR = 50  # a fiftieth of a period off is still that period


def write(times: list[int], near: int = 0) -> str:
    """The times, at least one. The caller keeps their count, and a time near the first."""
    by_neighbour = signed_wide(times[0] - near)
    if len(times) == 1:
        return by_neighbour
    by_neighbour += rice.write(list(map(sub, times[1:], times)))
    period = _period(times)
    slot = (times[0] + period // 2) // period
    distances = list(map(sub, times, count(slot * period, period)))
    by_timetable = _spell(period) + signed_wide(slot - near // period) + rice.write(distances)
    return min("0" + by_neighbour, "1" + by_timetable, key=len)


def _period(times: list[int]) -> int:
    steps = len(times) - 1
    mean = (times[-1] - times[0] + steps // 2) // steps
    usual = min(PERIODS, key=lambda period: abs(period - mean))
    return usual if abs(usual - mean) * _NEAR <= usual else max(mean, 1)


def _spell(period: int) -> str:
    if period in PERIODS:
        return fixed(PERIODS.index(period), _PERIOD_BITS)
    return fixed(len(PERIODS), _PERIOD_BITS) + wide(period)


def read(bits: BitReader, length: int, near: int = 0) -> list[int]:
    """The `length` times, at least one, ascending. Raises CodecError for what cannot be times."""
    if length > 1 and bits.fixed(1):
        times = _read_timetable(bits, length, near)
    else:
        first = near + bits.signed_wide()
        times = list(accumulate(rice.read(bits, length - 1), initial=first))
    if not all(map(le, times, times[1:])) or times[0] < 0 or times[-1] > LARGEST_TIME:
        raise CodecError("time runs backwards or away")
    return times


def _read_timetable(bits: BitReader, length: int, near: int) -> list[int]:
    code = bits.fixed(_PERIOD_BITS)
    if code > len(PERIODS):
        raise CodecError("no such period")
    period = PERIODS[code] if code < len(PERIODS) else bits.wide()
    if not period:
        raise CodecError("no such period")
    start = (near // period + bits.signed_wide()) * period
    return list(map(add, range(start, start + period * length, period), rice.read(bits, length)))
