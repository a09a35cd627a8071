"""Drivers that look often and say little: what they see is folded into windows, and only the window leaves the pole.

A radar that sees every car, a thermal array that sees every head: the looks themselves would be traces of people. So
with a `window` on the board the looks stay inside the driver and `close` gives counts, shares and means; where a
driver may also be used without a window (`must_window` false) it is then a plain sensor whose `read` is reported.

The driver holds no clock: `at_us` of each look and of each close is time since boot, handed in. Counts are per window,
zero is a reading, and a cumulative twin (`count_total`) lets the store check the sums.

A power cut must not cost an open window. So a driver names what it has counted in the open one (`opens`) and what it
has counted in all (`totals`); the agent keeps that with each commit and hands it to the driver of its next life. It
stays on the pole: what leaves is only what `close` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.driver import Driver
from drivers.ongoing import State, joined, judged, told
from drivers.reading import Reading


class Windowed(Driver):
    """Mixed into a talk, a stream, or lines."""

    counts_people: bool = False  # windows shorter than 300 s are then refused outside the simulator
    must_window: bool = False  # of no use without a window
    window_look_s: float = 0.1  # how often a talk is asked inside a window
    least_for_mean: int = 1  # the speed of fewer is not told; a runner raises it: the mean of one is somebody's
    opens: tuple[str, ...] = ()  # attributes that hold what the open window has counted: see drivers.ongoing
    totals: tuple[str, ...] = ()  # ... and what was counted in all closed ones

    @property
    def astray(self) -> bool:
        """Whether it still sees nothing because of what was lost before: then the next window is in doubt, too."""
        return False

    def lost(self, looks: int) -> None:
        """So many looks or edges were missed before the next one: give up what is half seen, never invent."""

    def close(self, at_us: int) -> list[Reading]:
        """Close the window at this time: its counts, shares and means, and running totals.

        Nothing at all where nothing was looked at, which the driver knows best: a road may be silent and empty.
        """
        raise NotImplementedError

    def state(self) -> State:
        """What must not be lost, at `at_us`: `open` and `total`, each by attribute; what is zero is left out."""
        parts = {"open": self.opens, "total": self.totals}
        said = {
            part: {name: kept for name in names if (kept := told(getattr(self, name), self.at_us))}
            for part, names in parts.items()
        }
        return {part: table for part, table in said.items() if table}

    def resume(self, state: Mapping[str, object]) -> None:
        """Add what an earlier life of this driver had counted. Raises ValueError, having taken nothing, for what no
        driver with these settings can have told.

        Where nothing was kept but the totals that were read when a window closed, these come as `told`, by channel.
        """
        state = {**state, "total": self._totals(state["told"])} if "told" in state else state
        kept = {**_table(state, "open", self.opens), **_table(state, "total", self.totals)}
        if set(state) - {"open", "total", "told"}:
            raise ValueError("more was kept than what is counted")
        for name, counted in kept.items():
            judged(getattr(self, name), counted)
        for name, counted in kept.items():
            setattr(self, name, joined(getattr(self, name), counted))

    def _totals(self, read: object) -> dict[str, object]:
        """Totals as they were read, by attribute."""
        if not isinstance(read, dict):
            raise ValueError("what was read is no table of totals")
        return {
            name: dict(read) if isinstance(getattr(self, name), Mapping) else read.get("", 0) for name in self.totals
        }


def _table(state: Mapping[str, object], part: str, names: tuple[str, ...]) -> dict[str, Any]:
    """One part of a state. Raises ValueError when something in it is not counted here."""
    table = state.get(part, {})
    if not isinstance(table, dict) or set(table) - set(names):
        raise ValueError("something was kept that is not counted here")
    return table
