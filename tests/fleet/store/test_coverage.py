"""Coverage says what a plain set would say."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.store.coverage import Coverage

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(-2, 8)).map(lambda s: (s[0], s[0] + s[1])), max_size=25)


def as_set(covered: Coverage) -> set[int]:
    return set(range(covered.upto + 1)) | {n for first, last in covered.islands for n in range(first, last + 1)}


@given(SPANS)
def test_it_is_the_union_of_what_was_added(spans: list[tuple[int, int]]) -> None:
    covered = Coverage(islands=spans)
    wanted = {n for first, last in spans for n in range(first, last + 1)}
    assert as_set(covered) == wanted
    assert [n in covered for n in range(-1, 60)] == [n in wanted for n in range(-1, 60)]


@given(SPANS)
def test_islands_lie_apart_in_order_beyond_the_watermark(spans: list[tuple[int, int]]) -> None:
    covered = Coverage(islands=spans)
    edge = covered.upto
    for first, last in covered.islands:
        assert edge + 1 < first <= last
        edge = last


@given(SPANS, st.integers(0, 60))
def test_missing_is_the_rest(spans: list[tuple[int, int]], below: int) -> None:
    covered = Coverage(islands=spans)
    holes = [n for first, last in covered.missing(below) for n in range(first, last + 1)]
    assert holes == [n for n in range(below) if n not in as_set(covered)]


@given(SPANS)
def test_a_copy_goes_its_own_way(spans: list[tuple[int, int]]) -> None:
    covered = Coverage(islands=spans)
    before = as_set(covered)
    covered.copy().add(0, 100)
    assert as_set(covered) == before


@given(SPANS, st.integers(0, 60), st.integers(0, 8))
def test_touching_is_having_something_in_common(spans: list[tuple[int, int]], first: int, more: int) -> None:
    covered = Coverage(islands=spans)
    assert covered.touches(first, first + more) == bool(as_set(covered) & set(range(first, first + more + 1)))
