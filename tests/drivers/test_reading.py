"""The one place where rounding happens, against exact decimal arithmetic."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.reading import Quantity, from_steps, to_steps

DECIMALS = st.integers(0, 9)
USUAL = st.floats(-1e6, 1e6)


def exactly(value: float, decimals: int) -> Decimal:
    """The steps before rounding, without any error: a float is a finite decimal."""
    with localcontext(prec=2_000):
        return Decimal(value).scaleb(decimals)


@given(USUAL, DECIMALS)
@example(0.5, 0)
@example(-0.7, 0)
@example(21.999, 2)
def test_it_is_the_nearest_step(value: float, decimals: int) -> None:
    """Off by a half at most, and by what a float cannot hold of the product."""
    exact = exactly(value, decimals)
    slack = Decimal(math.ulp(value * 10**decimals))
    assert abs(to_steps(value, decimals) - exact) <= Decimal("0.5") + slack


@given(USUAL, DECIMALS)
def test_what_lies_clear_of_the_middle_is_as_decimal_rounds_it(value: float, decimals: int) -> None:
    exact = exactly(value, decimals)
    middle = abs(abs(exact % 1) - Decimal("0.5"))
    if middle > Decimal(math.ulp(value * 10**decimals)):
        assert to_steps(value, decimals) == int(exact.to_integral_value(ROUND_HALF_EVEN))


@given(st.integers(-(10**9), 10**9))
@example(0)
@example(1)
@example(-1)
@example(-2)
def test_the_middle_goes_to_the_even_step(below: int) -> None:
    steps = to_steps(below + 0.5, 0)
    assert steps % 2 == 0 and abs(steps - Decimal(below + 0.5)) == Decimal("0.5")
    assert steps == int(Decimal(below + 0.5).to_integral_value(ROUND_HALF_EVEN)) == round(below + 0.5)


@given(st.integers(-10, 10), st.sampled_from([0.125, 0.375, 0.625, 0.875]))
def test_a_middle_behind_the_point_too(whole: int, eighths: float) -> None:
    """Eighths are exact in binary, and so is their product with a hundred."""
    value = whole + eighths
    assert to_steps(value, 2) == int(exactly(value, 2).to_integral_value(ROUND_HALF_EVEN))


@given(st.integers(-(10**12), 10**12), st.sampled_from(Quantity))
def test_a_stored_number_stays_what_it_is(steps: int, quantity: Quantity) -> None:
    assert to_steps(from_steps(steps, quantity.decimals), quantity.decimals) == steps


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a number"):
        to_steps(value, 2)
