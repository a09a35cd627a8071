"""The sweep: every driver of the catalog reads its simulated chip over the chip's whole span, within its resolution.

Nobody writes a sweep for a new chip: a line in the catalog and one on the shelf make it run. What the chip is made to
feel goes through its arithmetic into bytes or edges, over a simulated bus, and through the real driver back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

import pytest

from drivers.catalog import ALSO, CATALOG, driver
from drivers.driver import Driver, I2CDriver, TalkDriver
from drivers.lines import LinesDriver
from drivers.reading import Quantity, Reading
from drivers.setting import Chosen
from drivers.stream import StreamDriver
from drivers.talk import Step
from drivers.timepiece import Timepiece
from drivers.window import Windowed
from simulators.chips.chip import Chip, I2CChip
from simulators.chips.file_chip import FileChip
from simulators.chips.lines_chip import LinesChip
from simulators.chips.serial_chip import SerialChip
from simulators.clock import VirtualClock
from simulators.files import SimulatedFile, file_steps
from simulators.i2c import SimulatedI2C, converse, i2c_steps
from simulators.shelf import SHELF, chip
from simulators.uart import SimulatedSerial, serial_steps

PLACES = [at / 40 for at in range(41)]
FELT = [name for name in CATALOG if not issubclass(driver(name), LinesDriver)]
LINES = [name for name in CATALOG if issubclass(driver(name), LinesDriver)]
LIVED = [name for name in LINES if chip(name).spans]  # what they feel happens on their lines by itself
COUNTED = [name for name in LINES if name not in LIVED]
TELLING_TIME = [name for name in FELT if issubclass(driver(name), Timepiece) and issubclass(driver(name), TalkDriver)]
LOOKED_AT = [name for name in FELT if issubclass(driver(name), Windowed) and hasattr(chip(name), "passes")
             and issubclass(driver(name), TalkDriver)]  # fmt: skip
APART_US = 1_000_000


@runtime_checkable
class Ticks(Protocol):
    """A chip that keeps the time."""

    def tells_ms(self) -> int: ...


@runtime_checkable
class Passed(Protocol):
    """A line chip by which things pass."""

    true_count: int | dict[str, int]

    def passes(self, at_us: int, direction: str = "in") -> None: ...


class Pair:
    """A driver and its chip, with whatever bus belongs between them."""

    def __init__(self, name: str, **settings: Chosen) -> None:
        self.clock = VirtualClock()
        self.driver: Driver = driver(name)(**settings)
        self.chip: Chip = chip(name)(self.clock.boot_us)
        self.clock.advance(60)
        self.read = self._stream() if isinstance(self.driver, StreamDriver) else self._talk()

    def _talk(self) -> Callable[[], list[Reading]]:
        speaks = self.driver
        assert isinstance(speaks, TalkDriver)
        perform = self._steps()
        converse(speaks.setup(), perform)
        converse(speaks.read(), perform)
        self.clock.advance(speaks.warm_up_s)
        self.steps = perform

        def read() -> list[Reading]:
            self.clock.advance(speaks.interval_min_s)
            speaks.at_us = self.clock.now_us
            return converse(speaks.read(), perform)

        return read

    def _steps(self) -> Callable[[Step], bytes]:
        if isinstance(self.driver, I2CDriver) and isinstance(self.chip, I2CChip):
            bus = SimulatedI2C({self.driver.default_address: self.chip})
            return i2c_steps(bus, self.driver.default_address, self.clock.advance)
        if isinstance(self.chip, FileChip):
            return file_steps(SimulatedFile(self.chip), self.clock.advance)
        assert isinstance(self.chip, SerialChip)
        return serial_steps(SimulatedSerial(self.chip, self.clock.advance), self.clock.advance)

    def _stream(self) -> Callable[[], list[Reading]]:
        listens, talks = self.driver, self.chip
        assert isinstance(listens, StreamDriver) and isinstance(talks, SerialChip)
        port = SimulatedSerial(talks, self.clock.advance)
        converse(listens.setup(), serial_steps(port, self.clock.advance))

        def read() -> list[Reading]:
            port.drain()
            listens.forget()
            for _ in range(100):
                if found := listens.feed(port.read(1, 5.0)):
                    return found[0]
                if found := listens.feed(port.read(4095, 0.0)):
                    return found[0]
            raise AssertionError("no frame comes")

        return read

    def agrees(self) -> None:
        """One reading, each quantity (of its first channel) against what is felt."""
        read: dict[Quantity, float] = {}
        for reading in self.read():
            read.setdefault(reading.quantity, reading.value)
        for quantity in set(self.driver.measures) - self.chip.untold:
            assert quantity in read, f"{quantity} is promised and not read"
            felt, allowed = self.chip.feels[quantity], self.chip.resolves[quantity] * 1.000001
            assert abs(read[quantity] - felt) <= allowed, (quantity, felt, read[quantity])


@pytest.mark.parametrize("name", FELT)
def test_each_quantity_over_its_span(name: str) -> None:
    pair = Pair(name)
    for quantity in [each for each in pair.driver.measures if each not in pair.chip.untold]:
        low, high = pair.chip.spans[quantity]
        for place in PLACES:
            pair.chip.feels = {**pair.chip.rests, quantity: low + (high - low) * place}
            pair.agrees()


@pytest.mark.parametrize("name", FELT)
def test_all_quantities_at_once(name: str) -> None:
    pair = Pair(name)
    for turn in range(2 * len(PLACES)):
        for which, (quantity, (low, high)) in enumerate(pair.chip.spans.items()):
            place = PLACES[(turn * (7 + 2 * which) + 13 * which) % len(PLACES)]
            pair.chip.feels[quantity] = low + (high - low) * (place * 0.99 + 0.0037)
        pair.agrees()


@pytest.mark.parametrize("name", TELLING_TIME)
def test_a_timepiece_tells_the_time_of_its_chip(name: str) -> None:
    pair = Pair(name)
    assert isinstance(pair.driver, Timepiece) and isinstance(pair.chip, Ticks)
    for hours in range(0, 9_000, 100):
        pair.clock.advance(hours * 3_600)
        pair.read()
        told = pair.driver.told
        assert told is not None
        assert abs(told.unix_ms - pair.chip.tells_ms()) <= min(1_000, told.uncertainty_ms)


@pytest.mark.parametrize("passages", [0, 1, 2, 17, 300])
@pytest.mark.parametrize("name", COUNTED)
def test_every_passage_is_counted(name: str, passages: int) -> None:
    counts, chip_of_it = driver(name)(), chip(name)
    clock = VirtualClock()
    passed = chip_of_it(clock.boot_us)
    assert isinstance(counts, LinesDriver) and isinstance(passed, LinesChip) and isinstance(passed, Passed)
    for number in range(passages):
        passed.passes((number + 1) * APART_US, "out" if number % 3 == 0 else "in")
    clock.advance(passages + 2)
    for edge in passed.edges():
        counts.edge(edge)
    said = {reading.name: reading.value for reading in counts.close(clock.now_us)}
    true = passed.true_count if isinstance(passed.true_count, dict) else {"": passed.true_count}
    assert sum(true.values()) == passages
    for channel, count in true.items():
        at = f".{channel}" if channel else ""
        assert (said[f"count{at}"], said[f"count_total{at}"]) == (count, count)


@pytest.mark.parametrize("passages", [0, 1, 17])
@pytest.mark.parametrize("name", LOOKED_AT)
def test_everybody_who_walks_by_a_looking_talk_is_counted(name: str, passages: int) -> None:
    modes = {choice for setting in driver(name).settings if setting.name == "mode" for choice in setting.choices}
    pair = Pair(name, **({"mode": "passage"} if "passage" in modes else {}))
    looks, passed, clock = pair.driver, pair.chip, pair.clock
    assert isinstance(looks, Windowed) and isinstance(looks, TalkDriver) and isinstance(passed, Passed)
    for number in range(passages):
        passed.passes(clock.now_us + (2 * number + 3) * APART_US, "out" if number % 3 == 0 else "in")
    ends_us = clock.now_us + (2 * passages + 5) * APART_US
    while clock.now_us < ends_us:
        looks.at_us = clock.now_us
        converse(looks.read(), pair.steps)
        clock.now_us = max(clock.now_us, looks.at_us + round(looks.window_look_s * 1e6))
    said = {reading.name: reading.value for reading in looks.close(clock.now_us)}
    assert isinstance(passed.true_count, dict) and sum(passed.true_count.values()) == passages
    for way, count in passed.true_count.items():
        assert (said[f"count.{way}"], said[f"count_total.{way}"]) == (count, count)


@pytest.mark.parametrize("name", LIVED)
def test_what_lines_feel_over_their_span(name: str) -> None:
    """One window after the other at another felt value; the first channel of a quantity is its mean or its sum."""
    clock = VirtualClock()
    counts, lives = driver(name)(), chip(name)(clock.boot_us)
    assert isinstance(counts, LinesDriver) and isinstance(lives, LinesChip)
    window_us = round(lives.steady_s * 1e6)
    counts.begin(0, dict.fromkeys(counts.lines, 0))
    for quantity, (low, high) in lives.spans.items():
        for number, place in enumerate(PLACES[::4] + PLACES[::-8]):
            lives.feels[quantity] = felt = low + (high - low) * place
            for _ in range(4):  # in pieces, as a post lives
                lives.live(clock.now_us, clock.now_us + window_us // 4)
                clock.now_us += window_us // 4
            for edge in lives.edges():
                counts.edge(edge)
            said: dict[Quantity, float] = {}
            for reading in counts.close(clock.now_us):
                said.setdefault(reading.quantity, reading.value)
            assert abs(said[quantity] - felt) <= lives.resolves[quantity] * 1.000001, (number, felt, said)


@pytest.mark.parametrize("name", CATALOG)
def test_what_a_driver_measures_its_chip_can_feel(name: str) -> None:
    kind, felt = driver(name), chip(name)
    assert felt.name == kind.name == name
    if not issubclass(kind, LinesDriver):
        assert set(felt.resolves) <= set(felt.spans) and set(felt.rests) <= set(felt.spans)
        assert set(kind.measures) <= set(felt.resolves) | felt.untold
        assert all(low < high for low, high in felt.spans.values())


def test_the_shelf_holds_what_the_catalog_names() -> None:
    assert set(SHELF) == set(CATALOG)
    assert all(chip(other) is chip(name) for other, name in ALSO.items())
    with pytest.raises(KeyError, match="bme280"):
        chip("lidar")


@pytest.mark.parametrize("name", CATALOG)
def test_every_driver_has_a_test_file_of_its_own(name: str) -> None:
    there = Path(__file__).parents[1] / "drivers" / f"test_{name}.py"
    assert there.is_file(), f"write tests/drivers/test_{name}.py: a transcript, its errors, its vectors"
