"""Ranges: from the least sensitive up, for as long as the count is low and nothing saturates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import NotMeasured
from drivers.light_ranges import ENOUGH, Light, through_ranges
from drivers.talk import Pause, Talk
from simulators.i2c import converse

FULL = 65_535


def seen(lux: float, gains: tuple[float, ...]) -> tuple[float, list[float]]:
    tried: list[float] = []

    def look(gain: float) -> Talk[Light | None]:
        tried.append(gain)
        yield Pause(0.1)
        count = round(lux * gain)
        return Light(count / gain, count) if count < FULL else None

    return converse(through_ranges(gains, look), lambda step: b""), tried


@given(st.floats(0.0, 65_000.0))
def test_the_finest_range_that_is_needed(lux: float) -> None:
    value, tried = seen(lux, (1.0, 25.0, 428.0))
    assert value == pytest.approx(lux, abs=0.5 / tried[-1] + 1e-9)
    assert (lux < ENOUGH - 1) == (len(tried) > 1)


@pytest.mark.parametrize("lux", [65_535.0, 1e9])
def test_saturated_in_the_first_range_is_no_value(lux: float) -> None:
    with pytest.raises(NotMeasured, match="saturated"):
        seen(lux, (1.0, 25.0))


def test_a_range_that_saturates_leaves_the_one_before() -> None:
    assert seen(900.0, (1.0, 1_000.0)) == (900.0, [1.0, 1_000.0])
