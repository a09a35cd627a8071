"""Gap records that overlap: every seq once, and no reading twice."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.store.coverage import Coverage
from fleet.store.spans import Gap, united, weight, within

GAPS = st.builds(lambda first, more, readings: Gap(first, first + more, readings, "journal full"),
                 st.integers(1, 20), st.integers(0, 12), st.integers(0, 40))  # fmt: skip


def seqs(gap: Gap) -> set[int]:
    return set(range(gap.first, gap.last + 1))


@given(st.lists(GAPS, max_size=8))
def test_together_they_cover_the_same_and_do_not_overlap(gaps: list[Gap]) -> None:
    found = united(gaps)
    assert set().union(*map(seqs, found)) == set().union(*map(seqs, gaps))
    assert sum(gap.length for gap in found) == len(set().union(*map(seqs, gaps)))
    assert found == sorted(found)
    assert sum(gap.readings for gap in found) <= sum(gap.readings for gap in set(gaps))


@given(st.lists(GAPS, max_size=8), st.randoms())
def test_neither_order_nor_repetition_matters(gaps: list[Gap], chance: object) -> None:
    assert united([*gaps[::-1], *gaps]) == united(gaps)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.data())
def test_confessions_that_grow_count_as_the_last(readings: list[int], data: st.DataObject) -> None:
    first = data.draw(st.integers(1, len(readings)))
    ends = data.draw(st.lists(st.integers(first, len(readings)), min_size=1))
    told = [Gap(first, end, sum(readings[first - 1 : end]), "journal full") for end in ends]
    assert united(told) == [max(told)]


def test_what_lies_outside_the_longer_one_brings_its_share() -> None:
    one, other = Gap(1, 10, 100, "journal full"), Gap(9, 12, 40, "unreadable on the disk")
    assert united([other, one]) == [one, Gap(11, 12, 20, "unreadable on the disk")]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5))), st.integers(1, 30), st.integers(0, 10))
def test_what_is_missing_within(spans: list[tuple[int, int]], first: int, more: int) -> None:
    covered = Coverage(0, [(low, low + length) for low, length in spans])
    missing = {seq for low, high in within(covered, first, first + more) for seq in range(low, high + 1)}
    assert missing == {seq for seq in range(first, first + more + 1) if seq not in covered}


EDGES = st.lists(st.integers(1, 40), unique=True, max_size=4).map(sorted)
SKIPS = EDGES.map(lambda edges: list(zip(edges[::2], edges[1::2], strict=False)))


@given(st.lists(GAPS, max_size=8), SKIPS)
def test_numbers_that_were_never_given_out_weigh_nothing(gaps: list[Gap], skips: list[tuple[int, int]]) -> None:
    never = {seq for low, high in skips for seq in range(low, high + 1)}
    for gap in gaps:
        assert weight(skips, gap.first, gap.last) == len(seqs(gap) - never)
    found = united(gaps, skips)
    assert set().union(*map(seqs, found)) == set().union(*map(seqs, gaps))
    assert sum(gap.readings for gap in found) <= sum(gap.readings for gap in set(gaps))
