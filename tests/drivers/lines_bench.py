"""A driver of lines on a bench: edges in, readings out by name."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.lines import Edge, LinesDriver
from simulators.chips.lines_chip import LinesChip


def closed(driver: LinesDriver, at_us: int = 0) -> dict[str, float]:
    """What the window says that ends here; no reading comes twice, and none has a name of its own making."""
    readings = driver.close(at_us)
    said = {reading.name: reading.value for reading in readings}
    assert len(said) == len(readings) and {reading.quantity for reading in readings} <= set(driver.measures)
    return said


def fed(driver: LinesDriver, *edges: tuple[int, int], line: str = "line") -> None:
    for at_us, level in edges:
        driver.edge(Edge(at_us, line, level))


def watched(driver: LinesDriver, chip: LinesChip) -> LinesDriver:
    """Everything that the chip has to say by now."""
    for edge in chip.edges():
        if edge.line in driver.lines:
            driver.edge(edge)
    return driver


def only(said: dict[str, float], *beginnings: str) -> dict[str, float]:
    """What is not zero of these quantities."""
    return {name: value for name, value in said.items() if value and name.partition(".")[0] in beginnings}


def names(said: Iterable[str], quantity: str) -> set[str]:
    return {name for name in said if name.partition(".")[0] == quantity}
