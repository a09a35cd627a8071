"""One reading after the other, or one strip for each column: the same readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.cells import Cell, Strip, cells_of, strips_of

CELLS = st.lists(st.builds(Cell, st.integers(0, 9), st.integers(0, 4), st.integers(-9, 9), st.integers(0, 3)))


@given(CELLS)
def test_strips_and_back(cells: list[Cell]) -> None:
    strips = strips_of(cells)
    assert [strip.column for strip in strips] == sorted({cell.column for cell in cells})
    assert all(strip.times == sorted(strip.times) for strip in strips)
    assert cells_of(strips) == cells_of(reversed(strips)) == sorted(cells, key=lambda cell: (cell.at_ms, cell.column))


def test_what_shares_column_and_time_keeps_its_order() -> None:
    cells = [Cell(5, 1, 9), Cell(5, 1, 3), Cell(5, 0, 7, 4), Cell(5, 1, 6)]
    strips = strips_of(cells)
    assert strips == [Strip(0, [5], [7], [4]), Strip(1, [5, 5, 5], [9, 3, 6], [0, 0, 0])]
    assert cells_of(strips) == [cells[2], cells[0], cells[1], cells[3]]


@pytest.mark.parametrize("strip", [Strip(0, [1, 2], [1], [0]), Strip(0, [1], [1, 2], [0]), Strip(0, [1], [1], [])])
def test_no_reading_is_lost_from_lists_that_differ_in_length(strip: Strip) -> None:
    with pytest.raises(ValueError):
        cells_of([strip])
