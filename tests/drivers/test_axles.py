"""Axles made into vehicles, one decision at a time."""

from __future__ import annotations

import pytest

from drivers.axles import OTHER, Axle, Change, Convoy, Kind

CAR = Kind("car", 1.8, 3.2, 300.0, 2, 4.0, False)
TRUCK = Kind("truck", 1.8, 12.0, 300.0, 3, 9.0, False)


def axle(metres: float, speed: float = 10.0) -> Axle:
    """An axle that comes so far behind the first one."""
    return Axle(round(metres / speed * 1e6), speed)


@pytest.mark.parametrize(("second", "pairs"), [(10.0, True), (12.5, True), (14.0, False), (7.4, False)])
def test_two_axles_of_one_vehicle_go_at_one_speed(second: float, pairs: bool) -> None:
    convoy = Convoy((CAR,))
    assert not list(convoy.take(axle(0)))
    apart_us = 2.5 / ((10.0 + second) / 2) * 1e6
    changes = list(convoy.take(Axle(round(apart_us), second)))
    assert [change.name for change in changes] == (["car"] if pairs else [])


REPENTED = [Change("car", -1, 10.0), Change("truck", 1, 10.0)]


@pytest.mark.parametrize(("settled", "changes"), [(False, REPENTED), (True, [])])
def test_what_a_closed_window_has_counted_is_not_counted_anew(settled: bool, changes: list[Change]) -> None:
    convoy = Convoy((CAR, TRUCK))
    found = [*convoy.take(axle(0)), *convoy.take(axle(2.5))]
    assert found == [Change("car", 1, 10.0)]
    if settled:
        convoy.settle()
    assert list(convoy.take(axle(5.5))) == changes


def test_a_lone_axle_is_something_that_nobody_can_name() -> None:
    convoy = Convoy((CAR,))
    assert not list(convoy.take(axle(0)))
    assert list(convoy.expire(60_000_000)) == [Change(OTHER, 1, 10.0)]
