"""Which clock record dates which chunk, and that nothing is left undated that the rule would date anew."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.store.dating import ClockMark, first_touched, mark_for

SYNCED, HOLDOVER, FLOOR, UNKNOWN = range(4)
MARK = st.builds(ClockMark, st.integers(0, 30), st.none() | st.integers(0, 1000), st.integers(0, 3))
MARKS = st.lists(MARK, unique_by=lambda mark: mark.seq, max_size=6).map(sorted)


def test_nothing_known_dates_nothing() -> None:
    assert mark_for(5, []) is None
    assert mark_for(5, [ClockMark(1, None, UNKNOWN)]) is None


def test_the_newest_trusted_mark_before_a_chunk_dates_it() -> None:
    marks = [ClockMark(1, 100, SYNCED), ClockMark(4, 200, HOLDOVER), ClockMark(9, 300, SYNCED)]
    assert [mark_for(seq, marks) for seq in (2, 4, 8, 10)] == [marks[0], marks[1], marks[1], marks[2]]


def test_a_chunk_from_before_the_time_was_known_is_dated_by_what_was_learnt_later() -> None:
    marks = [ClockMark(1, None, UNKNOWN), ClockMark(4, 7, FLOOR), ClockMark(9, 300, SYNCED)]
    assert mark_for(2, marks) == marks[2]
    assert mark_for(5, marks) == marks[2]


def test_a_floor_is_better_than_nothing() -> None:
    marks = [ClockMark(3, 7, FLOOR), ClockMark(6, 8, FLOOR)]
    assert [mark_for(seq, marks) for seq in (1, 4, 7)] == [marks[0], marks[0], marks[1]]


@given(MARKS, MARK)
def test_only_chunks_from_the_first_touched_on_can_change(marks: list[ClockMark], new: ClockMark) -> None:
    others = [mark for mark in marks if mark.seq != new.seq]
    touched = first_touched(new, others)
    together = sorted([*others, new])
    changed = [seq for seq in range(40) if mark_for(seq, others) != mark_for(seq, together)]
    assert all(touched is not None and seq >= touched for seq in changed)
