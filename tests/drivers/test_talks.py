"""Whatever is answered, a talk ends with readings that are numbers or with a DriverError, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.catalog import drivers
from drivers.checks import word, words
from drivers.driver import SerialDriver, TalkDriver
from drivers.errors import BusFault, ChecksumError, DriverError, Nack, NoAnswer
from drivers.reading import Reading
from drivers.talk import Read, Step, Talk, WriteRead
from simulators.i2c import converse

TALKS = [kind for kind in drivers() if issubclass(kind, TalkDriver)]
MOST_STEPS = 2_000
Answer = bytes | type[DriverError]

few = settings(max_examples=25)  # `test_fuzz` gives each driver thousands
wild = st.lists(st.one_of(st.binary(max_size=64), st.sampled_from([Nack, BusFault, NoAnswer])), min_size=1, max_size=40)
fitting = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=64)


def from_list(answers: list[Answer], exact: bool) -> Callable[[Step], bytes]:
    """Answers in turn, round and round; `exact` cuts or fills them to what was asked for."""
    steps = 0

    def perform(step: Step) -> bytes:
        nonlocal steps
        steps += 1
        assert steps < MOST_STEPS, "the talk goes on for ever"
        if not isinstance(step, Read | WriteRead):
            return b""
        answer = answers[steps % len(answers)]
        if not isinstance(answer, bytes):
            raise answer("so it was drawn")
        return (answer * step.count)[: step.count].ljust(step.count, b"\0") if exact else answer

    return perform


def from_words(values: list[int]) -> Callable[[Step], bytes]:
    """Answers of any length, whose CRCs are all right."""
    wire = b"".join(map(word, values)) * 20
    return lambda step: wire[: step.count] if isinstance(step, Read | WriteRead) else b""


def hold(talk: Talk[list[Reading]], perform: Callable[[Step], bytes]) -> None:
    try:
        readings = converse(talk, perform)
    except DriverError:
        return
    assert all(math.isfinite(reading.value) for reading in readings)


@pytest.mark.parametrize("kind", TALKS, ids=lambda kind: kind.name)
@few
@given(answers=wild, exact=st.booleans())
def test_total_on_anything(kind: type[TalkDriver], answers: list[Answer], exact: bool) -> None:
    driver = kind()
    perform = from_list(answers, exact or issubclass(kind, SerialDriver))  # a serial Read is whole, or NoAnswer
    try:
        converse(driver.setup(), perform)
    except DriverError:
        pass
    hold(driver.read(), perform)
    assert converse(driver.probe(), perform) in (True, False)


@pytest.mark.parametrize("kind", TALKS, ids=lambda kind: kind.name)
@few
@given(values=fitting)
def test_total_on_words_whose_checksums_fit(kind: type[TalkDriver], values: list[int]) -> None:
    hold(kind().read(), from_words(values))


@given(st.lists(st.integers(0, 0xFFFF), max_size=30))
def test_words_come_back(values: list[int]) -> None:
    wire = b"".join(map(word, values))
    assert words(wire) == b"".join(value.to_bytes(2, "big") for value in values)


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=10), st.data())
def test_any_flipped_bit_of_a_word_is_caught(values: list[int], data: st.DataObject) -> None:
    wire = bytearray(b"".join(map(word, values)))
    bit = data.draw(st.integers(0, len(wire) * 8 - 1))
    wire[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ChecksumError):
        words(bytes(wire))


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=10), st.integers(1, 2))
def test_a_word_cut_short_is_caught(values: list[int], missing: int) -> None:
    with pytest.raises(ChecksumError):
        words(b"".join(map(word, values))[:-missing])
