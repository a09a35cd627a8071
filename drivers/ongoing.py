"""What outlives a power cut of an open window, as JSON, and how a fresh driver takes it over.

Three sorts of things are counted: a number, numbers by channel, and what a piece of logic says and takes itself
(`Part`), such as times. What is zero is left out, so that a quiet street costs a few bytes. Nobody trusts what comes
back from a card: all of it must fit what the driver has now, or none of it is taken. It is added to what was counted
meanwhile, so that it may come late.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

Number = int | float
NUMBER = (int, float)
Kept = Number | dict[str, Number]
State = dict[str, dict[str, Kept]]  # "open" and "total", of each what was counted by name
MOST = 2**53
DIGITS = 3  # of sums of speeds


@runtime_checkable
class Part(Protocol):
    """A piece of logic with numbers of its own: whole ones, times (µs) by names that end in `_us`."""

    def told(self, at_us: int) -> dict[str, int]:
        """What it holds of the open window by now; nothing is closed."""
        ...

    def take(self, times: Mapping[str, int]) -> None:
        """Add these, of an earlier life, to the open window. What was zero is not there."""
        ...


def told(counted: object, at_us: int) -> Kept:
    """A number, a table of numbers or a part, for keeping; 0 or an empty table when nothing was counted."""
    if isinstance(counted, NUMBER):
        return _short(counted)
    if isinstance(counted, Mapping):
        return {channel: _short(number) for channel, number in counted.items() if number}
    if isinstance(counted, Part):
        return {name: number for name, number in counted.told(at_us).items() if number}
    raise TypeError(f"{type(counted).__name__} is nothing that is counted")


def _short(number: Number) -> Number:
    return round(number, DIGITS) if isinstance(number, float) else number


def judged(counted: object, kept: object) -> None:
    """Raises ValueError unless `kept` is something that `counted` may have told."""
    if isinstance(counted, Part):
        known: Mapping[str, Number] = counted.told(0)
    elif isinstance(counted, Mapping):
        known = counted
    else:
        known, kept = {"": _number(counted)}, {"": kept}
    if not isinstance(kept, dict):
        raise ValueError("a table of numbers was counted, and is none")
    for channel, number in kept.items():
        if channel not in known:
            raise ValueError("something was counted that is not counted here")
        _judge(number, type(known[channel]))


def _number(counted: object) -> Number:
    if not isinstance(counted, int | float):
        raise TypeError(f"{type(counted).__name__} is nothing that is counted")
    return counted


def _judge(number: object, kind: type) -> None:
    able = isinstance(number, int if kind is int else int | float) and not isinstance(number, bool)
    if not able or not math.isfinite(number) or not 0 <= number <= MOST:  # type: ignore[arg-type, operator]
        raise ValueError("what was counted is no count")


def joined(counted: object, kept: Kept) -> object:
    """`counted` with what was judged and is now added to it."""
    if isinstance(counted, Part):
        counted.take(kept)  # type: ignore[arg-type]
        return counted
    if isinstance(counted, Mapping):
        assert isinstance(kept, dict)
        return {channel: number + kept.get(channel, 0) for channel, number in counted.items()}
    return counted + kept  # type: ignore[operator]
