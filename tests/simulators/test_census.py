"""The census: it holds only when every node's figures agree to the reading, in both directions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.census import Census, Head

EXACT = Head("pole-1", sampled=100, journalled=100, stored=90, named_gone=10)


def test_what_is_stored_or_named_is_not_lost() -> None:
    census = Census((EXACT, replace(EXACT, node="pole-2")), duplicated_rows=0)
    assert (census.whole, census.lost, census.gaps, census.stored) == (True, 0, 20, 180)


@pytest.mark.parametrize(("change", "lost"), [({"stored": 89}, 1), ({"stored": 91}, -1), ({"named_gone": 12}, -2)])
def test_too_much_is_as_wrong_as_too_little(change: dict[str, int], lost: int) -> None:
    census = Census((EXACT, replace(EXACT, node="pole-2", **change)), duplicated_rows=0)
    assert (census.whole, census.lost) == (False, lost)


def test_what_one_node_has_too_much_does_not_make_up_for_what_another_lacks() -> None:
    census = Census((replace(EXACT, stored=91), replace(EXACT, node="pole-2", stored=89)), duplicated_rows=0)
    assert (census.lost, census.whole) == (0, False)


def test_rows_that_are_there_twice_and_agents_that_fell_are_told() -> None:
    assert not Census((EXACT,), duplicated_rows=1).whole
    assert not Census((EXACT,), duplicated_rows=0, fallen=("pole-1",)).whole
