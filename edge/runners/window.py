"""Windows that close at whole multiples of their length, for all who are reported by the window.

A step that comes late counts nothing into the wrong window: what happened up to the boundary is handed over, the
window is closed at the boundary, and the rest belongs to the next. A window of which a part was not watched, or in
which something got lost, is flagged WARMING.

People are never counted over less than a window: a part of one, after a start, an unplug or a long sleep, might hold
a single person and the second at which he passed. So a driver that counts people is not asked for a part; what it has
counted goes into the next window that was watched from end to end, which is flagged, and no passage is lost. And the
mean speed of a few is the speed of somebody: a driver that is run tells none.

What an earlier life of the agent had counted in a window that a power cut or a stop ended is such a part, whatever is
counted: it goes into the next whole window.

Lines are watched or they are not. Whoever looks (`LookWindow`) can miss a look, which flags the window; only when it
was blind for more than a twentieth of the window is that a window of which a part is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drivers.reading import Reading
from drivers.window import Windowed
from edge.runners.timetable import next_multiple

LATE_WINDOWS = 8  # a sleeper closes so many windows; what lies further back is missed
LEAST_FOR_MEAN = 5  # vehicles or persons in a window before their mean speed leaves
BLIND = 0.05  # the share of a window that may have gone unseen in a window that counts as whole


@dataclass(frozen=True, slots=True)
class Closed:
    """A window that has ended."""

    at_ms: int
    readings: list[Reading] | None  # None: folded into the next
    seen: bool  # somebody watched, at some time
    doubted: bool
    bug: str  # why it says nothing
    whole: bool  # no part of it is missing


class Window:
    """The open window of one driver; times in ms since boot."""

    def __init__(self, driver: Windowed, length_ms: int) -> None:
        self.driver, self.length_ms = driver, length_ms
        driver.least_for_mean = max(driver.least_for_mean, LEAST_FOR_MEAN)
        self.boundary_ms: int | None = None  # None: not begun
        self.bug = ""
        self._seen = False  # watched in some part of this window
        self._partial = True  # not watched in some part of this window
        self._lossy = False
        self._folded = False  # what was counted in a part of a window waits in the driver for a whole one
        self._resumed = False  # so does what an earlier life had counted

    def begin(self, now_ms: int) -> None:
        """The first step; later ones change nothing."""
        if self.boundary_ms is None:
            self.boundary_ms = next_multiple(now_ms, self.length_ms)
            self._partial = now_ms % self.length_ms != 0

    def resume(self, state: Mapping[str, object]) -> None:
        """An earlier life had counted this. Raises ValueError when it does not fit the driver."""
        self.driver.resume(state)
        if state.get("open"):
            self._resumed = self._folded = True

    def goes_on(self, now_ms: int) -> bool:
        """Whether it has begun and does not end yet."""
        return self.boundary_ms is not None and now_ms < self.boundary_ms

    def is_due(self, now_ms: int) -> bool:
        """Whether it must be closed."""
        return self.boundary_ms is not None and self.boundary_ms <= now_ms

    def watched(self) -> None:
        """Somebody watches."""
        self._seen = True

    def cut(self) -> None:
        """A part of it will be missing."""
        self._partial = True

    def doubt(self) -> None:
        """Something that belongs to it got lost."""
        self._lossy = True

    def lose(self, number: int) -> None:
        """So many looks or edges got lost before the next; the driver is told."""
        self.doubt()
        self.driver.lost(number)

    def catch_up(self, now_ms: int) -> int:
        """Give up windows that lie too far back, rather than to close them in a burst; how many."""
        assert self.boundary_ms is not None
        late = (now_ms - self.boundary_ms) // self.length_ms + 1 - LATE_WINDOWS
        if late <= 0:
            return 0
        self.boundary_ms += late * self.length_ms
        self._partial = True
        return late

    def close(self, watching: bool, whole: bool) -> Closed:
        """End it; the next is open. `watching`: somebody watches now; `whole`: and has since its boundary at least.

        Raises whatever the driver raises; the next window is open then too.
        """
        assert self.boundary_ms is not None
        at_ms, self.boundary_ms = self.boundary_ms, self.boundary_ms + self.length_ms
        seen, partial, doubted, bug = self._seen, self._partial, self._lossy or self._folded, self.bug
        self.bug, self._lossy, self._seen, self._partial = "", False, watching, not (watching and whole)
        self._folded = partial and (self.driver.counts_people or self._resumed)
        self._resumed = self._resumed and partial
        readings = None if self._folded else self.driver.close(at_ms * 1_000)
        self._lossy = self.driver.astray
        return Closed(at_ms, readings, seen, partial or doubted, bug, not partial)


class LookWindow(Window):
    """The window of a driver that looks: now and then, and not always with success."""

    def __init__(self, driver: Windowed, length_ms: int, patience_ms: int) -> None:
        """Two looks may lie `patience_ms` apart."""
        super().__init__(driver, length_ms)
        self._patience_ms = patience_ms
        self._last_ms: int | None = None  # the last look, or the beginning of the window
        self._blind_ms = 0
        self._deaf_ms = 0  # for so long nothing could be heard, even of one who may be silent for longer
        self._deaf_since_ms: int | None = None

    def begin(self, now_ms: int) -> None:
        super().begin(now_ms)
        if self._last_ms is None and self.boundary_ms is not None:
            self._last_ms = self.boundary_ms - self.length_ms
            self._deaf_ms = now_ms - self._last_ms

    def listens(self, now_ms: int, able: bool) -> None:
        """Whether from now on anything can be heard."""
        if self._deaf_since_ms is not None:
            self._deaf_ms += now_ms - self._deaf_since_ms
        self._deaf_since_ms = None if able else now_ms

    def looked(self, at_ms: int) -> None:
        """A look that succeeded."""
        self._mind_gap(at_ms)
        self.watched()

    def close_all(self, now_ms: int) -> Iterator[Closed]:
        """The windows that have ended, in order."""
        while self.is_due(now_ms):
            assert self.boundary_ms is not None
            self._mind_gap(self.boundary_ms)
            self.listens(self.boundary_ms, self._deaf_since_ms is None)
            missed_ms = max(self._blind_ms, self._deaf_ms)
            self._partial = missed_ms > (BLIND * self.length_ms if self._seen else 0)
            self._blind_ms = self._deaf_ms = 0
            yield self.close(watching=False, whole=True)

    def _mind_gap(self, at_ms: int) -> None:
        assert self._last_ms is not None
        gap_ms = at_ms - self._last_ms
        if gap_ms > self._patience_ms:
            self._blind_ms += gap_ms
            self._lossy = True
        self._last_ms = max(self._last_ms, at_ms)
