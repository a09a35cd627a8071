"""Light from moonlight to noon: sensors that look at it through the insensitive range first.

Daylight spans five powers of ten, more than any range of these chips holds. So a reading begins where nothing
saturates and goes on to the next more sensitive range for as long as the count stays low; the last range that did not
saturate is the answer. It begins anew each time: nothing is remembered, so that nothing can be remembered wrongly. A
saturated count is a lower bound that nobody could tell from a value, and gives none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from drivers.errors import NotMeasured
from drivers.talk import Talk

ENOUGH = 1_000  # counts: a tenth of a percent is fine enough
LONG_NIGHT_S = 18 * 3_600.0  # zero lux may stand for so long in December

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Light:
    """What one range says: the value in its unit, and the count behind it."""

    value: float
    count: int


def through_ranges(ranges: Sequence[R], look: Callable[[R], Talk[Light | None]]) -> Talk[float]:
    """The value in the most sensitive of these ranges (given from the least sensitive on) that does not saturate.

    `look` measures in a range and gives None where it saturates. Raises NotMeasured when even the first does.
    """
    best: Light | None = None
    for one in ranges:
        found = yield from look(one)
        if found is None:
            break
        best = found
        if best.count >= ENOUGH:
            break
    if best is None:
        raise NotMeasured("saturated: there is more light than this range can tell; see its settings")
    return best.value
