"""Heads over a thermal array: which pixels are somebody, who is who from look to look, who crossed both lines."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.heads import Background, Crossings, heads

LOOK_US = 100_000
LINES = (2.5, 4.5)


def crossings(gap_us: float = 1e6) -> Crossings:
    return Crossings(*LINES, 3.0, gap_us)


def walk(over: Crossings, rows: list[float | None], column: float = 3.0) -> list[str]:
    found = []
    for n, row in enumerate(rows):
        found += over.look(n * LOOK_US, [] if row is None else [(row, column)])
    return found


def test_every_walk_of_five_steps_counts_its_changes_of_side() -> None:
    for rows in product((1.0, 3.5, 6.0), repeat=5):
        sides = [row for row in rows if row != 3.5]
        changes = ["in" if after > before else "out" for before, after in pairwise(sides) if before != after]
        assert walk(Crossings(*LINES, 9.0, 1e6), list(rows)) == changes


@given(st.lists(st.tuples(st.sampled_from(["in", "out"]), st.floats(0.5, 2.5)), max_size=8))
def test_one_after_the_other_at_any_pace(people: list[tuple[str, float]]) -> None:
    rows: list[float | None] = []
    for way, pace in people:
        path: list[float | None] = [n * pace for n in range(int(7 / pace) + 1)]
        rows += [*(path if way == "in" else path[::-1]), *[None] * 5]
    assert walk(crossings(), rows) == [way for way, _ in people]


def test_two_side_by_side_and_two_who_meet() -> None:
    beside, met = crossings(), crossings()
    found = [one for n in range(8) for one in beside.look(n * LOOK_US, [(n, 0.5), (n, 6.5)])]
    assert found == ["in", "in"]
    found = [one for n in range(8) for one in met.look(n * LOOK_US, [(n, 1.0), (7 - n, 6.0)])]
    assert sorted(found) == ["in", "out"]


@pytest.mark.parametrize("hidden", range(6))
def test_a_head_may_be_hidden_for_a_few_looks(hidden: int) -> None:
    rows = [1.0, 2.0, *[None] * hidden, 4.0, 5.0, 6.0]
    assert walk(crossings(), rows) == (["in"] if hidden <= 3 else [])


def test_whoever_turns_back_begins_between_the_lines_or_is_lost_counts_nothing() -> None:
    assert walk(crossings(), [0.0, 2.0, 4.0, 2.0, 0.0]) == []
    assert walk(crossings(), [3.0, 4.0, 5.0, 6.0]) == []
    over = crossings()
    walk(over, [1.0, 2.0, 3.0])
    over.lost()
    assert walk(over, [3.5, 4.5, 6.0]) == []
    assert walk(crossings(gap_us=LOOK_US - 1), [1.0, 3.0, 5.0]) == []


def test_a_jump_across_the_array_is_somebody_else() -> None:
    assert walk(crossings(), [0.0, 7.0]) == []


@pytest.mark.parametrize(
    ("picture", "places"),
    [
        ("......../......../......../........", []),
        ("......../..xx..../..x...../........", [(4 / 3, 7 / 3)]),
        ("......../..xx..../......../........", []),
        ("x......./.x....../..x...../........", [(1.0, 1.0)]),
        ("xxx...../......../......../.....xxx", [(0.0, 1.0), (3.0, 6.0)]),
        ("......xx/x......./......../........", []),
        ("......xx/x......./xx....../......xx", [(5 / 3, 1 / 3)]),
    ],
)
def test_what_touches_is_one(picture: str, places: list[tuple[float, float]]) -> None:
    seen = [float(pixel == "x") for pixel in picture.replace("/", "")]
    found = sorted(heads(seen, 8, 3))
    assert [pytest.approx(place) for place in places] == found


def test_the_centre_lies_where_it_is_warmest() -> None:
    assert heads([1.0, 1.0, 6.0, 0.0], 4, 3) == [(0.0, 13 / 8)]


def test_the_background_follows_slowly_and_more_slowly_under_a_head() -> None:
    still = Background(60e6, 2.0)
    assert still.look(0, [20.0, 20.0, 20.0]) == [0.0, 0.0, 0.0]
    assert still.look(1_000_000, [21.9, 22.0, 17.0]) == [0.0, 2.0, 3.0]
    for second in range(2, 400):
        seen = still.look(second * 1_000_000, [20.0 + second / 60, 28.0, 20.0])
        assert seen[0] == 0.0 and (seen[1] > 6.0 or second > 100)
    for second in range(400, 4_000):
        seen = still.look(second * 1_000_000, [20.0, 28.0, 20.0])
    assert seen == [0.0, 0.0, 0.0]
