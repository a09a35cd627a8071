"""Rows that say again what another row says. The promise is that there are none.

Two receipts that hold the same moment of a series tell it twice, unless it is the same moment by the wall alone: a
clock that was stepped back, the second that a leap second repeats, and boots that nobody can date yet give equal times
to readings of different moments. So what counts is the time since boot: two receipts of one boot and one offset.

One receipt may well hold two readings of one millisecond, and the mean of readings that were thinned may bear the time
of the last of them, which came all the same.
"""

from __future__ import annotations

from drivers.reading import Flag

LIFE = "boot||','||coalesce(offset_ms, 'undated in '||epoch)"


def twice(which: str = "1") -> str:
    """The query for how many there are, among readings of which `which` is true."""
    return f"""SELECT coalesce(sum(n), 0) FROM (
      SELECT max(0, count(DISTINCT receipt) - max(1, count(DISTINCT {LIFE}))) n
      FROM (SELECT series, t_ms FROM readings WHERE {which} GROUP BY series, t_ms HAVING count(*)>1)
      CROSS JOIN readings USING(series, t_ms) LEFT JOIN receipts ON receipts.id=receipt
      WHERE NOT flags&{int(Flag.THINNED)} GROUP BY series, t_ms)"""
