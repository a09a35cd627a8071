"""Edges of GPIO lines, counted in windows that close at whole multiples of their length.

The kernel stamps each edge, so a step that comes late counts nothing into the wrong window: edges up to the boundary
are handed over, the window is closed at the boundary, and the rest belongs to the next. The kernel drops the oldest
edges when nobody takes them; the gap in its sequence numbers shows how many, and the driver is told before the next.
The numbers over all lines of the request are looked at, because they tell of a loss at the very next edge, whichever
line it is on. What was lost lay between two edges that were not: every window that this stretch touches is flagged.
A window of which a part was not watched is flagged WARMING too.

People are never counted over less than a window: a part of one, after a start, an unplug or a long sleep, might hold
a single person and the second at which he passed. So a driver that counts people is not asked for a part; what it has
counted goes into the next window that was watched from end to end, which is flagged, and no passage is lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.errors import BusFault
from drivers.lines import Edge, LinesDriver
from edge.buses.port import EdgeEvent, LinePort
from edge.events import Event, Failed, Sampled
from edge.runners.blame import blame
from edge.runners.conversation import BUG, Broken
from edge.runners.door import Door
from edge.runners.runner import Counters
from edge.runners.seat import believed
from edge.runners.tally import Tally
from edge.runners.timetable import OncePerInterval, next_multiple

LOST = "edges_lost"
LATE_WINDOWS = 8  # a sleeper closes so many windows; what lies further back is missed
LOOK_MS = 1_000  # the longest that edges lie in the kernel, which keeps 1024, when nobody watches the descriptor
RISING = 1


@dataclass
class Watched:
    """The lines as they are requested from the kernel now."""

    port: LinePort
    expected: int = 1  # the number of the next edge, counted over all lines

    def levels(self, lines: Mapping[int, str]) -> dict[str, int]:
        """How the lines stand now: 1 is active."""
        values = self.port.get_values(list(lines))
        return {name: 1 if plain(value) == 1 else 0 for name, value in zip(lines.values(), values, strict=True)}

    def gap(self, event: EdgeEvent) -> int:
        """How many edges the kernel dropped between the one before and this."""
        return max(0, event.global_seqno - self.expected)

    @property
    def offset_us(self) -> int:
        """What must be added to a kernel stamp to have time since boot; measured where the port was opened."""
        return int(getattr(self.port, "offset_us", 0))

    def close(self) -> None:
        self.port.release()


class LinesRunner:
    """One counting sensor on its lines."""

    gather_ms = 20

    def __init__(
        self,
        name: str,
        driver: LinesDriver,
        window_ms: int,
        pins: Mapping[str, int],
        open_port: Callable[[], LinePort],
    ) -> None:
        self.name, self.driver, self.window_ms = name, driver, window_ms
        self.tally = Tally()
        self._lines = {offset: line for line, offset in pins.items()}
        self._door: Door[Watched] = Door(lambda: Watched(open_port()), rests=True)
        self._waiting: deque[EdgeEvent] = deque()  # taken from the kernel, later than the last boundary
        self._boundary_ms: int | None = None
        self._looked_ms = 0
        self._since_ms = 0  # when the lines were opened
        self._partial = True  # the lines were not watched in some part of this window
        self._lossy = False  # the kernel dropped edges in this window
        self._folded = False  # what was counted in a part of a window waits in the driver for a whole one
        self._bug = ""
        self._seen = False  # the lines were watched in some part of this window
        self._complaints = OncePerInterval(window_ms)
        self._events: list[Event] = []

    @property
    def sensors(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def fd(self) -> int | None:
        return self._door.port.port.fd if self._door.port is not None else None

    def ask(self, sensor: str) -> None:
        """A window ends when it ends."""

    def counters(self) -> dict[str, Counters]:
        return {self.name: self.tally.copy()}

    def close(self) -> None:
        self._door.close()

    def next_due_ms(self) -> int | None:
        if self._boundary_ms is None:
            return self._looked_ms
        other = self._door.retry_ms if self._door.shut else self._looked_ms + LOOK_MS
        return min(self._boundary_ms, other)

    def step(self, now_ms: int) -> list[Event]:
        self._events, self._looked_ms = [], now_ms
        if self._boundary_ms is None:
            self._boundary_ms = next_multiple(now_ms, self.window_ms)
        self._guarded(lambda: self._watch(now_ms), now_ms)
        self._catch_up(now_ms)
        while self._boundary_ms <= now_ms:
            boundary_ms, self._boundary_ms = self._boundary_ms, self._boundary_ms + self.window_ms
            self._guarded(lambda at=boundary_ms: self._close_window(at), now_ms)  # type: ignore[misc]
        self._guarded(lambda: self._hand_over(None), now_ms)
        return self._events

    def _guarded(self, act: Callable[[], None], now_ms: int) -> None:
        try:
            act()
        except BusFault as fault:
            self._cut_off(now_ms, str(fault))
        except Broken as broken:
            self._complain(now_ms, broken.cause, broken.text)
        except Exception as error:
            self._complain(now_ms, BUG, f"the driver raised {blame(error)}")

    def _watch(self, now_ms: int) -> None:
        """Take all edges that the kernel holds."""
        if self._door.shut and now_ms < self._door.retry_ms:
            return
        anew = self._door.port is None
        if anew:
            self._since_ms = now_ms
        watched = self._door.enter(now_ms)
        self._seen = True
        try:
            levels = watched.levels(self._lines) if anew else {}
            taken: list[EdgeEvent] = []
            while watched.port.wait_edge_events(0):
                taken += watched.port.read_edge_events()
        except OSError as error:
            raise BusFault(blame(error)) from error
        self._door.proven()
        self._waiting += sorted(taken, key=_number)  # two lines may enter the kernel's queue in the wrong order
        if anew:
            self.driver.begin(now_ms * 1_000, levels)

    def _catch_up(self, now_ms: int) -> None:
        """Give up windows that lie too far back, rather than to close them in a burst."""
        assert self._boundary_ms is not None
        late = (now_ms - self._boundary_ms) // self.window_ms + 1 - LATE_WINDOWS
        if late > 0:
            self._boundary_ms += late * self.window_ms
            self._partial = True
            self.tally.add("missed", late)

    def _close_window(self, boundary_ms: int) -> None:
        self._hand_over(boundary_ms * 1_000)
        seen, partial, doubted, bug = self._seen, self._partial, self._lossy or self._folded, self._bug
        self._bug, self._lossy = "", False
        self._seen = self._door.port is not None
        self._partial = not self._seen or self._since_ms > boundary_ms
        self._folded = partial and self.driver.counts_people
        readings = [] if self._folded else self.driver.close(boundary_ms * 1_000)
        if not seen:
            return self._complain(boundary_ms, BusFault.cause, self._door.why)
        if bug:
            return self._complain(boundary_ms, BUG, bug)
        if self._folded:
            return
        sampled = Sampled(self.name, boundary_ms, believed(readings, partial or doubted))
        self.tally.add("sampled", len(sampled.readings))
        self._events.append(sampled)

    def _hand_over(self, until_us: int | None) -> None:
        """Give the driver the edges up to this instant, in order."""
        offset_us = self._door.port.offset_us if self._door.port is not None else 0
        while self._waiting:
            event = self._waiting[0]
            at_us = event.timestamp_ns // 1_000 + offset_us
            if until_us is not None and at_us >= until_us:
                self._lossy |= self._gap(event) > 0
                return
            self._waiting.popleft()
            try:
                self._tell_loss(event)
                self.driver.edge(Edge(at_us, self._lines[event.line_offset], level(event)))
            except Exception as error:  # what comes after it is still taken, but the window says nothing
                self._bug = f"the driver raised {blame(error)}"

    def _gap(self, event: EdgeEvent) -> int:
        return self._door.port.gap(event) if self._door.port is not None else 0

    def _tell_loss(self, event: EdgeEvent) -> None:
        """Tell of edges that the kernel dropped before this one."""
        lost = self._gap(event)
        if self._door.port is not None:
            self._door.port.expected = max(self._door.port.expected, event.global_seqno + 1)
        if lost:
            self.tally.add(LOST, lost)
            self._lossy = True
            self.driver.lost(lost)

    def _cut_off(self, now_ms: int, why: str) -> None:
        """The chip is gone: what was half seen is given up, and the window is no longer whole."""
        if not self._door.shut:
            self._hand_over(None)
            self._door.slam(now_ms, why)
            self.driver.lost(0)
        self._partial = True
        self._complain(now_ms, BusFault.cause, why)

    def _complain(self, at_ms: int, cause: str, text: str) -> None:
        self.tally.add(cause)
        if self._complaints.may(at_ms):
            self._events.append(Failed(self.name, at_ms, cause, text))


def level(event: EdgeEvent) -> int:
    """1 when the line became active: gpiod's enumeration and the kernel's number are both understood."""
    return 1 if plain(event.event_type) == RISING else 0


def plain(value: object) -> object:
    """The number behind a member of gpiod's enumerations."""
    return getattr(value, "value", value)


def _number(event: EdgeEvent) -> int:
    return event.global_seqno
