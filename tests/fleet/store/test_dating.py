"""Which clock record dates which chunk, and that nothing is left undated that the rule would date anew."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fleet.store.dating import ClockMark, first_touched, mark_for

SYNCED, HOLDOVER, FLOOR, UNKNOWN = range(4)
MARK = st.builds(ClockMark, st.integers(0, 30), st.none() | st.integers(0, 1000), st.integers(0, 3),
                 st.none() | st.integers(0, 400), st.sampled_from(["a", "a", "b"]))  # fmt: skip
MARKS = st.lists(MARK, unique_by=lambda mark: mark.seq, max_size=7).map(sorted)
YEARS = 10 * 365 * 86_400_000


def test_nothing_known_dates_nothing() -> None:
    assert mark_for(5, []) is None
    assert mark_for(5, [ClockMark(1, None, UNKNOWN)]) is None
    assert mark_for(5, [ClockMark(1, None, SYNCED)]) is None


def test_the_newest_trusted_mark_before_a_chunk_dates_it() -> None:
    marks = [ClockMark(1, 100, SYNCED), ClockMark(4, 200, HOLDOVER, 500), ClockMark(9, 300, SYNCED)]
    assert [mark_for(seq, marks) for seq in (2, 4, 8, 10)] == [marks[0], marks[1], marks[1], marks[2]]


def test_a_chunk_from_before_the_time_was_known_is_dated_by_what_was_learnt_later() -> None:
    marks = [ClockMark(1, None, UNKNOWN), ClockMark(4, 7, FLOOR), ClockMark(9, 300, SYNCED)]
    assert mark_for(2, marks) == marks[2]
    assert mark_for(5, marks) == marks[2]


def test_a_floor_is_better_than_nothing() -> None:
    marks = [ClockMark(3, 7, FLOOR), ClockMark(6, 8, FLOOR)]
    assert [mark_for(seq, marks) for seq in (1, 4, 7)] == [marks[0], marks[0], marks[1]]


def test_a_step_of_a_synchronised_clock_counts_from_then_on() -> None:
    for step in (YEARS, -YEARS, 50, -50):
        marks = [ClockMark(1, 0, SYNCED, 10), ClockMark(5, step, SYNCED, 10), ClockMark(9, 0, SYNCED, 10)]
        assert [mark_for(seq, marks) for seq in (2, 4, 5, 8, 9, 12)] == [marks[at] for at in (0, 0, 1, 1, 2, 2)]


def test_a_clock_that_ran_on_by_itself_is_corrected_when_it_was_wronger_than_it_thought() -> None:
    for uncertainty, corrected in ((99, True), (100, False), (None, True), (5_000, False)):
        marks = [ClockMark(1, 1_000, HOLDOVER, uncertainty), ClockMark(5, 1_100, SYNCED, 10)]
        assert mark_for(3, marks) == marks[corrected]
    chip, gps, ntp = ClockMark(2, 0, HOLDOVER, 2_000), ClockMark(4, 600_000, HOLDOVER, 1_000), ClockMark(8, 9, SYNCED)
    assert mark_for(1, [chip, gps]) == mark_for(3, [chip, gps]) == gps  # the chip was ten minutes slow
    assert mark_for(3, [chip, gps, ntp]) == chip and mark_for(5, [chip, gps, ntp]) == ntp
    assert mark_for(5, [gps, ClockMark(6, 0, HOLDOVER, 2_000)]) == gps  # one that is less sure corrects nobody


def test_a_node_that_went_back_years_found_out_that_it_had_been_told_a_wrong_time() -> None:
    wrong, again = ClockMark(1, YEARS, HOLDOVER, 59), ClockMark(3, YEARS + 5, HOLDOVER, 50)
    for uncertainty in (40, 59, 60, 5_000):
        right = ClockMark(5, 0, HOLDOVER, uncertainty)
        assert mark_for(2, [wrong, right]) == mark_for(2, [wrong, again, right]) == right
        assert mark_for(6, [wrong, again, right]) == right
    later = ClockMark(5, YEARS * 2, HOLDOVER, 60)  # forwards it goes on any word
    near = ClockMark(5, YEARS - 3_600_000, HOLDOVER, 60)  # and so far back without another thought
    assert mark_for(2, [wrong, later]) == mark_for(2, [wrong, near]) == wrong


def test_a_boot_that_was_given_the_number_of_another_is_not_dated_by_it() -> None:
    """A card that lied lost the file that counts boots, and the number was given out again."""
    first = [ClockMark(1, None, UNKNOWN, None, "a"), ClockMark(5, 10**12, SYNCED, 10, "a")]
    second = [ClockMark(9, None, UNKNOWN, None, "b")]
    assert mark_for(3, first + second) == mark_for(7, first + second) == first[1]
    assert mark_for(10, first + second) is None
    learnt = ClockMark(20, 2 * 10**12, SYNCED, 10, "b")
    assert mark_for(10, [*first, *second, learnt]) == learnt and mark_for(7, [*first, *second, learnt]) == first[1]


@settings(max_examples=300)
@given(MARKS, MARK)
@example([ClockMark(2, 5, FLOOR, None, "b")], ClockMark(1, None, UNKNOWN, None, "a"))
@example([ClockMark(2, 5, SYNCED, 0, "a"), ClockMark(4, 6, HOLDOVER, 0, "a")], ClockMark(6, 9, SYNCED, 0, "a"))
def test_only_chunks_from_the_first_touched_on_can_change(marks: list[ClockMark], new: ClockMark) -> None:
    others = [mark for mark in marks if mark.seq != new.seq]
    touched = first_touched(new, others)
    together = sorted([*others, new], key=lambda mark: mark.seq)
    changed = [seq for seq in range(40) if mark_for(seq, others) != mark_for(seq, together)]
    assert all(touched is not None and seq >= touched for seq in changed)


@given(MARKS, st.integers(0, 35))
def test_a_chunk_is_dated_by_its_own_boot_and_by_trust_before_guesses(marks: list[ClockMark], seq: int) -> None:
    before = [mark for mark in marks if mark.seq <= seq] or marks[:1]
    ours = [mark for mark in marks if mark.offset_ms is not None and mark.boot_id == before[-1].boot_id]
    found = mark_for(seq, marks)
    assert (found is None) is (not ours)
    if found is not None:
        assert found in ours and (found.trusted or not any(mark.trusted for mark in ours))
        nearest = [mark for mark in ours if mark.seq <= seq and mark.trusted]
        assert not nearest or not nearest[-1].final or found == nearest[-1]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True), st.integers(-10, 10))
def test_a_synchronised_boot_costs_no_look_back(seqs: list[int], offset: int) -> None:
    """In the common life no old chunk is looked at again when the clock is told."""
    marks = [ClockMark(seq, offset, SYNCED, 10) for seq in sorted(seqs)]
    assert first_touched(ClockMark(20, offset + 1_000, SYNCED, 10), marks) == 20
