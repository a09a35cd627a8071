"""A list of numbers comes back whole, is as short as trying everything finds, and no bits can make it grow."""

import itertools
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.wire import rice
from edge.wire.bits import BitReader, to_bytes
from edge.wire.codec import CodecError

NUMBERS = st.one_of(st.integers(-3, 3), st.integers(-200, 900), st.integers(-(2**64), 2**64))
LISTS = st.one_of(st.lists(NUMBERS, max_size=80), st.lists(st.integers(-5, 5), max_size=80))


def there_and_back(numbers: list[int]) -> list[int]:
    text = rice.write(numbers)
    bits = BitReader(to_bytes(text + "1"))
    found = rice.read(bits, len(numbers))
    assert bits.at == len(text)
    return found


@given(LISTS)
@example([7] * 300)
@example([0] * 59 + [2**64])
@example([0, 0, 0, -(2**64), 2**64, 1, 1, 1, 1, 1, 1, 1])
def test_there_and_back(numbers: list[int]) -> None:
    assert there_and_back(numbers) == numbers


def test_every_short_list_of_small_numbers() -> None:
    for length in range(5):
        for numbers in itertools.product((-9, -2, -1, 0, 1, 3, 40), repeat=length):
            assert there_and_back(list(numbers)) == list(numbers)


@given(st.integers(0, 70), st.integers(1, 40), st.integers(0, 2**32))
def test_k_is_the_best_there_is_for_well_behaved_numbers(width: int, count: int, seed: int) -> None:
    chance = random.Random(seed)
    numbers = [int(chance.expovariate(1.0) * 2**width) for _ in range(count)]
    costs = [rice._cost(numbers, max(numbers), k) for k in range(80)]
    k, cost = rice._best_k(numbers)
    assert cost == costs[k] == len(rice._rice(numbers, k))
    assert cost <= min(costs) + (0 if max(numbers) >> k <= 6 else len(numbers))


def test_an_outlier_costs_itself_and_no_more() -> None:
    calm = [1, -1, 2, 0, -2, 1, 0, 0, 3, -1] * 6
    assert len(rice.write([*calm, 10**6])) <= len(rice.write(calm)) + 55


@pytest.mark.parametrize("outlier", [50, 500, 5_000, 10**6])
@pytest.mark.parametrize("count", [5, 9, 20, 59])
def test_k_is_the_best_beside_an_outlier(count: int, outlier: int) -> None:
    numbers = [index * index % 3 for index in range(count)] + [outlier]
    assert rice._best_k(numbers)[1] == min(rice._cost(numbers, outlier, k) for k in range(24))


@pytest.mark.parametrize(
    ("numbers", "bits"),
    [
        ([0] * 1000, 4),
        ([3] * 1000, 9),
        ([3, 4, 3, 4] * 10, 49),
        ([-1, 0, 1, 0] * 10, 74),
        ([0, 7] * 20, 129),
        ([3, 3, 3, 3, 4, 3, 3, 3, 6, 3] * 4, 65),
    ],
)
def test_what_lists_cost(numbers: list[int], bits: int) -> None:
    assert len(rice.write(numbers)) == bits


def test_no_quotient_is_beyond_the_cap() -> None:
    for ones in (rice.CAP + 1, 2 * rice.CAP):
        bits = BitReader(to_bytes("0001" + "1" * ones + "0" + "0" * 40))
        with pytest.raises(CodecError, match="cap"):
            rice.read(bits, 3)


@given(st.binary(max_size=60), st.integers(0, 500))
def test_any_bits_are_a_list_or_an_error(data: bytes, count: int) -> None:
    try:
        numbers = rice.read(BitReader(data), count)
    except CodecError:
        return
    assert len(numbers) == count


def test_a_thousand_lists_cost_what_they_cost() -> None:
    """Where the search for the best spelling stops too early, these grow."""
    chance = random.Random(1815)
    total = 0
    for index in range(1_000):
        scale, count, low = 1.7 ** (index % 17), 2 + index % 59, (0, 0, 90, -700)[index % 4]
        numbers = [low + int(chance.expovariate(1.0) * scale) for _ in range(count)]
        if index % 3 == 0:
            numbers = [number * chance.choice((1, -1)) for number in numbers]
        if index % 5 == 0:
            numbers[chance.randrange(count)] += chance.choice((20, 400, 10**6)) * int(scale)
        if index % 7 == 0:
            numbers = [low + chance.randrange(1 << index % 11) for _ in range(count)]
        total += len(rice.write(numbers))
    assert total <= 262_423  # bits
