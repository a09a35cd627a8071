"""How much of a window a line was active: parking, open doors, somebody there.

The line is active or not from one change to the next. A window begins where the one before was closed; the first one
begins when the line begins to be watched, or with its first edge.
"""

from __future__ import annotations

from collections.abc import Mapping


class Share:
    """Adds up active time. Times are microseconds and never go back: what comes late counts from the last change."""

    def __init__(self) -> None:
        self.level = 0
        self._since_us: int | None = None
        self._opened_us = 0
        self._active_us = 0
        self._before_us = 0  # of this window, watched in an earlier life

    def change(self, at_us: int, level: int) -> None:
        """From now on the line is at this level."""
        if self._since_us is None:
            self._since_us = self._opened_us = at_us
        at_us = max(at_us, self._since_us)
        if self.level:
            self._active_us += at_us - self._since_us
        self._since_us, self.level = at_us, 1 if level else 0

    def close(self, at_us: int) -> float:
        """The share of the window that ends here, 0 to 1; a window without length is as its line is."""
        self.change(at_us, self.level)
        assert self._since_us is not None
        length_us, active_us = self._since_us - self._opened_us + self._before_us, self._active_us
        self._opened_us, self._active_us, self._before_us = self._since_us, 0, 0
        return active_us / length_us if length_us else float(self.level)

    def told(self, at_us: int) -> dict[str, int]:
        """How long the open window was watched, and for how long of that the line was active."""
        times = {"length_us": self._before_us, "active_us": self._active_us}
        if self._since_us is not None:
            at_us = max(at_us, self._since_us)
            times["length_us"] += at_us - self._opened_us
            times["active_us"] += at_us - self._since_us if self.level else 0
        return times

    def take(self, times: Mapping[str, int]) -> None:
        """Add what an earlier life had watched."""
        self._before_us += times.get("length_us", 0)
        self._active_us += times.get("active_us", 0)


class Stretch:
    """How long a window has been watched, where nothing but its length is asked for."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._before_us = 0

    def begin(self, at_us: int) -> None:
        """It is watched from now on; later calls change nothing."""
        if self._since_us is None:
            self._since_us = at_us

    def close(self, at_us: int) -> int:
        """The length (µs) of the window that ends here; the next begins."""
        length_us = self.told(at_us)["length_us"]
        self._since_us, self._before_us = at_us, 0
        return length_us

    def told(self, at_us: int) -> dict[str, int]:
        """As it is now."""
        return {"length_us": self._before_us + (0 if self._since_us is None else max(0, at_us - self._since_us))}

    def take(self, times: Mapping[str, int]) -> None:
        """Add what an earlier life had watched."""
        self._before_us += times.get("length_us", 0)
