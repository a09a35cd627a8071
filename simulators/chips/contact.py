"""A simulated door: open for the share of the time that is felt; `comes_to` opens and shuts it by hand."""

from __future__ import annotations

from typing import ClassVar

from drivers.reading import Quantity
from simulators.chips.chip import Values
from simulators.chips.standing_chip import StandingChip


class Contact(StandingChip):
    """Level 1 is open; `true_count` is how often it was opened."""

    name = "contact"
    steady_s = 100.0
    resolves: ClassVar[Values] = {Quantity.OCCUPANCY: 0.001}
