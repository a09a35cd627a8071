"""The sweep of any driver over any chip: what the chip is made to feel must come out of the driver again.

Across the whole span of each quantity, one at a time and all together, within what the chip resolves; where things
pass by, every one of them must be counted. `simulators.proof` makes tests of it for drivers of other people.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast, runtime_checkable

from drivers.lines import LinesDriver
from drivers.reading import Quantity, Reading
from drivers.talk import Talk
from drivers.window import Windowed
from simulators.chips.chip import Chip
from simulators.chips.lines_chip import LinesChip
from simulators.device import Device

PLACES = [at / 40 for at in range(41)]
FEW_PLACES = PLACES[::4] + PLACES[::-8]  # for windows, which take long
APART_US = 1_000_000


@runtime_checkable
class Passed(Protocol):
    """A chip by which things pass."""

    true_count: int | dict[str, int]

    def passes(self, at_us: int, direction: str = "in") -> None: ...


@runtime_checkable
class Looking(Protocol):
    """A driver that is asked for looks and closes a window."""

    at_us: int
    window_look_s: float

    def read(self) -> Talk[list[Reading]]: ...
    def close(self, at_us: int) -> list[Reading]: ...


def counts(device: Device) -> bool:
    """Whether things pass by that must be counted, one by one."""
    chip: object = device.chip
    lived = isinstance(chip, LinesChip) and bool(chip.spans)
    return isinstance(chip, Passed) and isinstance(device.driver, Windowed) and not lived


def swept(device: Device) -> list[Quantity]:
    """The quantities that can be swept: measured, felt, and told by one answer."""
    chip = _chip(device)
    return [each for each in device.driver.measures if each in chip.resolves and each not in chip.untold]


def sweep(device: Device, quantity: Quantity) -> None:
    """One quantity over its span. Raises AssertionError naming what was felt and what was read."""
    chip = _chip(device)
    low, high = chip.spans[quantity]
    for place in FEW_PLACES if isinstance(device.driver, LinesDriver) else PLACES:
        chip.feels.update({**chip.rests, quantity: low + (high - low) * place})
        agree(device, [quantity] if isinstance(device.driver, LinesDriver) else swept(device))


def sweep_together(device: Device) -> None:
    """All quantities at once, in many constellations. Raises AssertionError."""
    chip = _chip(device)
    for turn in range(2 * len(PLACES)):
        for which, (quantity, (low, high)) in enumerate(chip.spans.items()):
            place = PLACES[(turn * (7 + 2 * which) + 13 * which) % len(PLACES)]
            chip.feels[quantity] = low + (high - low) * (place * 0.99 + 0.0037)
        agree(device, swept(device))


def agree(device: Device, quantities: Iterable[Quantity]) -> None:
    """One reading, the first channel of each quantity, against what is felt. Raises AssertionError."""
    chip, read = _chip(device), dict[Quantity, float]()
    for reading in device.read():
        read.setdefault(reading.quantity, reading.value)
    for quantity in quantities:
        if quantity not in read:
            raise AssertionError(f"{quantity.value} is promised in `measures` and was not read")
        felt, allowed = chip.feels[quantity], chip.resolves[quantity] * 1.000001
        if not abs(read[quantity] - felt) <= allowed:
            raise AssertionError(f"{quantity.value} is {felt:g} and was read as {read[quantity]!r}, "
                                 f"more than {chip.resolves[quantity]:g} off")  # fmt: skip


def count(device: Device, passages: int) -> None:
    """So many pass by, one a second or two, from both sides. Raises AssertionError when another number is told."""
    chip, driver = cast(Passed, device.chip), cast(Windowed, device.driver)
    for number in range(passages):
        chip.passes(device.now_us() + (2 * number + 3) * APART_US, "out" if number % 3 == 0 else "in")
    _watch(device, device.now_us() + (2 * passages + 5) * APART_US)
    said = {reading.name: reading.value for reading in driver.close(device.now_us())}
    true = chip.true_count if isinstance(chip.true_count, dict) else {"": chip.true_count}
    for channel, number in true.items():
        name = f"count.{channel}" if channel else "count"
        if said.get(name) != number:
            raise AssertionError(f"{number} passed by and {name} says {said.get(name)}")


def _watch(device: Device, until_us: int) -> None:
    driver, chip = device.driver, device.chip
    if isinstance(driver, LinesDriver) and isinstance(chip, LinesChip):
        device.pause((until_us - device.now_us()) / 1e6)
        for edge in chip.edges():
            driver.edge(edge)
        return
    assert isinstance(driver, Looking)
    while device.now_us() < until_us:
        driver.at_us = began_us = device.now_us()
        device.talk(driver.read())
        device.pause(max(0.0, driver.window_look_s - (device.now_us() - began_us) / 1e6))


def _chip(device: Device) -> Chip:
    assert device.chip is not None, "a sweep needs a simulated chip"
    return device.chip
