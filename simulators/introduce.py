"""A driver and a chip that stand in no list yet, put there for as long as a test lasts.

The fault matrix, transcripts and the agent's runners find drivers by name. An author's own pair is known by its entry
points once it is installed; before that, or in a checkout before the two lines are added, it is introduced here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drivers import catalog
from drivers.driver import Driver
from simulators import shelf
from simulators.chips.chip import Chip


class Unlike(TypeError):
    """The two can not be introduced; the message is a sentence."""


def driver_kind(driver: str | type[Driver]) -> type[Driver]:
    """The class, or that of this name. Raises KeyError."""
    return catalog.driver(driver) if isinstance(driver, str) else driver


def chip_kind(driver: str | type[Driver], chip: str | type[Chip] | None) -> type[Chip]:
    """The class; without one that which the shelf or an entry point has for this driver. Raises KeyError."""
    if chip is None:
        return shelf.chip(driver_kind(driver).name)
    return shelf.chip(chip) if isinstance(chip, str) else chip


@contextmanager
def introduced(driver: str | type[Driver], chip: str | type[Chip] | None = None) -> Iterator[str]:
    """Known by name inside the block; the name. Raises Unlike, KeyError."""
    spoken, felt = driver_kind(driver), chip_kind(driver, chip)
    if spoken.name != felt.name:
        raise Unlike(f"the driver calls itself {spoken.name!r} and its chip {felt.name!r}: both names must be the same")
    with _line(catalog.CATALOG, spoken.name, _place(spoken)), _line(shelf.SHELF, felt.name, _place(felt)):
        yield spoken.name


def _place(kind: type) -> str:
    if "." in kind.__qualname__:
        raise Unlike(f"{kind.__qualname__} must stand at the top of its module")
    return f"{kind.__module__}:{kind.__qualname__}"


@contextmanager
def _line(lines: dict[str, str], name: str, place: str) -> Iterator[None]:
    before = lines.get(name)
    lines[name] = place
    try:
        yield
    finally:
        lines.pop(name)
        if before is not None:
            lines[name] = before
