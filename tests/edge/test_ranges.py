"""Ranges are a set of numbers: Python's own set is the referee."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from edge.ranges import Ranges

pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(-3, 8)).map(lambda p: (p[0], p[0] + p[1])), max_size=20)
numbers = range(-2, 75)


@given(pairs, st.integers(0, 70))
def test_they_are_the_set_of_what_was_added(given_pairs: list[tuple[int, int]], cut: int) -> None:
    ranges = Ranges(given_pairs)
    truth = {n for first, last in given_pairs for n in range(first, last + 1)}
    for below in (0, cut):
        ranges.cut_below(below)
        truth = {n for n in truth if n >= below}
        assert {n for first, last in ranges for n in range(first, last + 1)} == truth
        assert ranges.count() == len(truth)
        assert bool(ranges) == bool(truth)
        assert [n in ranges for n in numbers] == [n in truth for n in numbers]
        nexts = [min((t for t in truth if t >= n), default=None) for n in numbers]
        assert [ranges.next_in(n) for n in numbers] == nexts
        assert [ranges.after(n) for n in numbers] == [next(m for m in range(n, 99) if m not in truth) for n in numbers]


@given(pairs, st.integers(-1, 70), st.integers(-4, 30))
@example([(5, 10)], 7, 0)
def test_what_is_taken_out_is_gone(given_pairs: list[tuple[int, int]], first: int, length: int) -> None:
    ranges = Ranges(given_pairs)
    ranges.take_out(first, first + length - 1)
    truth = {n for low, high in given_pairs for n in range(low, high + 1)} - set(range(first, first + length))
    held = list(ranges)
    assert {n for low, high in held for n in range(low, high + 1)} == truth
    assert all(low <= high for low, high in held)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(held))


@given(pairs)
def test_they_take_the_least_memory(given_pairs: list[tuple[int, int]]) -> None:
    held = list(Ranges(given_pairs))
    assert all(before[1] + 1 < after[0] for before, after in pairwise(held))


def test_every_small_set_and_everything_that_can_be_put_in_or_taken_out_of_it() -> None:
    for bits in range(2**6):
        truth = {n for n in range(6) if bits >> n & 1}
        for first in range(-1, 7):
            for last in range(first - 1, 8):
                added, rest = (Ranges((n, n) for n in truth) for _ in range(2))
                added.add(first, last)
                rest.take_out(first, last)
                part = set(range(first, last + 1))
                for ranges, wanted in ((added, truth | part), (rest, truth - part)):
                    held = list(ranges)
                    assert {n for low, high in held for n in range(low, high + 1)} == wanted
                    assert all(before[1] + 1 < after[0] for before, after in pairwise(held))


def test_a_cut_leaves_what_lies_at_it() -> None:
    for cut, left in ((2, [(2, 4), (8, 9)]), (3, [(3, 4), (8, 9)]), (4, [(4, 4), (8, 9)]), (5, [(8, 9)]), (10, [])):
        ranges = Ranges([(2, 4), (8, 9)])
        ranges.cut_below(cut)
        assert list(ranges) == left
