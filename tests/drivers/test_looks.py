"""What a window of looks is worth."""

from __future__ import annotations

import pytest

from drivers.looks import Looks
from drivers.reading import Flag

SECOND = 1_000_000


def looks() -> Looks:
    return Looks(gap_s=1.0, frozen_s=10.0)


def test_a_window_without_a_look_knows_nothing() -> None:
    watched = looks()
    assert watched.close(60 * SECOND) is None
    watched.look(61 * SECOND, b"a")
    assert watched.close(61 * SECOND) is not None
    assert watched.close(62 * SECOND) is None


@pytest.mark.parametrize(
    ("at", "flags"),
    [
        ([0.5, 1.0, 1.9], Flag.NONE), ([0.5, 1.9], Flag.STALE), ([0.5, 0.9], Flag.STALE), ([1.5, 1.9], Flag.STALE),
    ],
)  # fmt: skip
def test_a_hole_is_told(at: list[float], flags: Flag) -> None:
    watched = looks()
    watched.look(0, b"")
    assert watched.close(0) == Flag.NONE
    for number, second in enumerate(at):
        watched.look(round(second * SECOND), bytes([number]))
    assert watched.close(round(2.0 * SECOND)) == flags


def test_looks_lost_at_the_end_of_a_window_are_missing_in_the_next_as_well() -> None:
    """Whoever was half seen then would have been counted in the next; once looks come again, all is well."""
    watched = looks()
    watched.look(0, b"a")
    watched.lost()
    assert watched.close(SECOND) == Flag.STALE
    watched.look(SECOND, b"b")
    assert watched.close(2 * SECOND) == Flag.STALE
    watched.look(2 * SECOND, b"c")
    assert watched.close(3 * SECOND) == Flag.NONE


def test_looks_lost_in_the_midst_of_a_window_are_missing_in_that_one_alone() -> None:
    watched = looks()
    watched.lost()
    watched.look(0, b"a")
    assert watched.close(SECOND) == Flag.STALE
    watched.look(SECOND, b"b")
    assert watched.close(2 * SECOND) == Flag.NONE


def test_bytes_that_never_change_come_from_a_device_that_hangs() -> None:
    watched = looks()
    said = [watched.look(n * SECOND, b"same") for n in range(13)]
    assert said == [Flag.NONE] * 11 + [Flag.STUCK] * 2
    assert watched.close(12 * SECOND) == Flag.STUCK
    assert watched.look(13 * SECOND, b"other") == Flag.NONE


def test_an_empty_place_and_a_pause_are_no_hang() -> None:
    watched = looks()
    assert {watched.look(n * SECOND, b"") for n in range(100)} == {Flag.NONE}
    watched.look(200 * SECOND, b"same")
    assert watched.look(300 * SECOND, b"same") == Flag.NONE
