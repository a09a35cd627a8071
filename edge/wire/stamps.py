"""The times of a group of columns: mostly a timetable, seldom quite on it.

A sampler that is due every ten seconds wakes a few milliseconds late, each time by a different bit. Against the
timetable that costs the spread of one delay per sample; between neighbours it would cost two. So a list of times is
either the distances from a timetable (a period of the usual ones in 4 bits, another one written out), or the
differences of neighbours, whichever is shorter. Times never run backwards; the same time may come twice.
"""

from __future__ import annotations

from itertools import accumulate
from operator import add, le, sub

from edge.wire import rice
from edge.wire.bits import BitReader, fixed, wide
from edge.wire.codec import CodecError

LARGEST_TIME = 2**62
_SECONDS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
PERIODS = tuple(1000 * seconds for seconds in _SECONDS)
_PERIOD_BITS, _OTHER = 4, 15
_NEAR = 50  # a fiftieth of a period off is still that period


def write(times: list[int]) -> str:
    """The times after the first; the caller keeps the first and the count."""
    if len(times) < 2:
        return ""
    by_neighbour = "0" + rice.write(list(map(sub, times[1:], times)))
    period = _period(times)
    distances = [time - times[0] - period * index for index, time in enumerate(times[1:], 1)]
    by_timetable = "1" + _spell(period) + rice.write(distances)
    return min(by_neighbour, by_timetable, key=len)


def _period(times: list[int]) -> int:
    steps = len(times) - 1
    mean = (times[-1] - times[0] + steps // 2) // steps
    usual = min(PERIODS, key=lambda period: abs(period - mean))
    return usual if abs(usual - mean) * _NEAR <= usual else mean


def _spell(period: int) -> str:
    if period in PERIODS:
        return fixed(PERIODS.index(period), _PERIOD_BITS)
    return fixed(_OTHER, _PERIOD_BITS) + wide(period)


def read(bits: BitReader, first: int, count: int) -> list[int]:
    """All `count` times, ascending, the first one handed in. Raises CodecError for what cannot be times."""
    if count < 2:
        times = [first]
    elif bits.fixed(1):
        period = _read_period(bits)
        starts = range(first + period, first + period * count, period) if period else [first] * (count - 1)
        times = [first, *map(add, starts, rice.read(bits, count - 1))]
    else:
        times = list(accumulate(rice.read(bits, count - 1), initial=first))
    if not all(map(le, times, times[1:])) or not 0 <= first <= times[-1] <= LARGEST_TIME:
        raise CodecError("time runs backwards or away")
    return times


def _read_period(bits: BitReader) -> int:
    code = bits.fixed(_PERIOD_BITS)
    if code < len(PERIODS):
        return PERIODS[code]
    if code != _OTHER:
        raise CodecError("no such period")
    return bits.wide()
