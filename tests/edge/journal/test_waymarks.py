"""Where a reader begins who wants a certain record."""

from __future__ import annotations

from edge.journal.layout import SECTOR
from edge.journal.ring import Segment
from edge.journal.walk import Waymark, Waymarks

SEGMENT, NEXT = Segment("a", 1 << 20, ordinal=3, first=10, before=7), Segment("b", 1 << 20, ordinal=4, first=200)
EARLY, LATE = Waymark(64, 9_000, 300), Waymark(128, 20_000, 700)


def test_reading_begins_at_the_last_known_place_of_that_segment() -> None:
    known = Waymarks()
    for mark in (LATE, EARLY, Waymark(65, 9_512, 303)):  # the last of them is not remembered
        known.add(3, mark)
    assert [known.nearest(SEGMENT, seq) for seq in (64, 127, 128, 199)] == [EARLY, EARLY, LATE, LATE]
    assert known.nearest(SEGMENT, 63) == Waymark(10, SECTOR, 7)
    assert known.nearest(NEXT, 250) == Waymark(200, SECTOR, 0)


def test_it_begins_where_somebody_stopped_if_that_is_nearer() -> None:
    known = Waymarks()
    known.add(3, EARLY)
    stopped = Waymark(100, 15_000, 500)
    known.stop(3, stopped)
    assert [known.nearest(SEGMENT, seq) for seq in (99, 100, 199)] == [EARLY, stopped, stopped]
    assert known.nearest(NEXT, 250).seq == 200
