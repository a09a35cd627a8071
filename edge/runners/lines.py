"""Edges of GPIO lines, counted in windows (`window`).

The kernel stamps each edge, so edges up to the boundary of a window are handed over before it is closed, however late
the step comes. The kernel drops the oldest edges when nobody takes them; the gap in its sequence numbers shows how
many, and the driver is told before the next. The numbers over all lines of the request are looked at, because they
tell of a loss at the very next edge, whichever line it is on. What was lost lay between two edges that were not: every
window that this stretch touches is flagged. Where a line stands otherwise afterwards than its last edge said, the
driver is told anew how they stand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.errors import BusFault
from drivers.lines import Edge, LinesDriver
from edge.buses.port import EdgeEvent, LinePort
from edge.events import Event
from edge.runners.blame import blame
from edge.runners.breaker import State
from edge.runners.conversation import BUG, Broken
from edge.runners.door import Door
from edge.runners.keeper import Keeper
from edge.runners.runner import Counters
from edge.runners.voice import Terms, Voice
from edge.runners.window import LATE_WINDOWS as LATE_WINDOWS
from edge.runners.window import Closed, Window

LOST = "edges_lost"
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
        terms: Terms | None = None,
    ) -> None:
        self.name, self.driver = name, driver
        self.voice = Voice(name, driver, window_ms, terms or Terms())
        self.tally = self.voice.tally
        self._window = Window(driver, window_ms)
        self._keeper = Keeper(name, self._window, self.voice.terms.commit_ms)
        self._lines = {offset: line for line, offset in pins.items()}
        self._door: Door[Watched] = Door(lambda: Watched(open_port()), rests=True)
        self._waiting: deque[EdgeEvent] = deque()  # taken from the kernel, later than the last boundary
        self._looked_ms = 0
        self._since_ms = 0  # when the lines were opened
        self._unsure = False  # edges were lost, and with them perhaps how the lines stand
        self._levels: dict[str, int] = {}  # as the driver was told
        self._events: list[Event] = []

    @property
    def sensors(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def fd(self) -> int | None:
        return self._door.port.port.fd if self._door.port is not None else None

    def ask(self, sensor: str) -> None:
        """A window ends when it ends."""

    def leave(self, sensor: str, state: Mapping[str, object]) -> None:
        self._keeper.leave(state)

    def opened(self, now_ms: int) -> list[Event]:
        return [*self.step(now_ms), *self._keeper.tell(now_ms)]

    def counters(self) -> dict[str, Counters]:
        return {self.name: self.tally.copy()}

    def close(self) -> None:
        self._door.close()

    def breakers(self) -> dict[str, State]:
        return {self.name: "open" if self._door.shut else "closed"}

    def next_due_ms(self) -> int | None:
        due_ms = self._keeper.due_ms(self._window.boundary_ms)
        if due_ms is None:
            return self._looked_ms
        other = self._door.retry_ms if self._door.shut else self._looked_ms + LOOK_MS
        return min(due_ms, other)

    def step(self, now_ms: int) -> list[Event]:
        self._events, self._looked_ms = [], now_ms
        self._window.begin(now_ms)
        self._guarded(self._watch, now_ms)
        if self._window.is_due(now_ms):
            self._close_windows(now_ms)
        if self._waiting:
            self._guarded(self._hand_over_all, now_ms)
        if self._unsure:
            self._guarded(self._begin, now_ms)
        if not self._keeper.waits(now_ms):
            self._guarded(self._keep, now_ms)
        return self._events

    def _guarded(self, act: Callable[[int], None], now_ms: int) -> None:
        try:
            act(now_ms)
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
        self._window.watched()
        try:
            levels = watched.levels(self._lines) if anew else {}
            taken: list[EdgeEvent] = []
            while watched.port.wait_edge_events(0):
                taken += watched.port.read_edge_events()
        except OSError as error:
            raise BusFault(blame(error)) from error
        self._door.proven()
        if taken:
            self._waiting += sorted(taken, key=_number)  # two lines may enter the kernel's queue in the wrong order
        if anew:
            self._levels = levels
            self.driver.begin(now_ms * 1_000, dict(levels))

    def _begin(self, now_ms: int) -> None:
        """After a loss: tell the driver how the lines stand now, if that is news."""
        self._unsure = False
        if self._door.port is None:
            return
        try:
            levels = self._door.port.levels(self._lines)
        except OSError as error:
            raise BusFault(blame(error)) from error
        if levels != self._levels:
            self._levels = levels
            self.driver.begin(now_ms * 1_000, dict(levels))

    def _close_windows(self, now_ms: int) -> None:
        self.tally.add("missed", self._window.catch_up(now_ms))
        while self._window.is_due(now_ms):
            self._guarded(self._close_window, now_ms)

    def _keep(self, now_ms: int) -> None:
        self._events += self._keeper.step(now_ms)

    def _hand_over_all(self, now_ms: int) -> None:
        self._hand_over(None)

    def _close_window(self, now_ms: int) -> None:
        boundary_ms = self._window.boundary_ms
        assert boundary_ms is not None
        self._hand_over(boundary_ms * 1_000)
        self.voice.prime(boundary_ms)
        self._tell(self._window.close(self._door.port is not None, self._since_ms <= boundary_ms))

    def _tell(self, closed: Closed) -> None:
        if not closed.seen:
            self._complain(closed.at_ms, BusFault.cause, self._door.why)
        elif closed.bug:
            self._complain(closed.at_ms, BUG, closed.bug)
        elif closed.readings is not None:
            since_ms = closed.at_ms - self._window.length_ms
            opened = self._keeper.closed(closed.at_ms)
            self._events.append(self.voice.say(closed.at_ms, closed.readings, closed.doubted, since_ms, opened))

    def _hand_over(self, until_us: int | None) -> None:
        """Give the driver the edges up to this instant, in order."""
        offset_us = self._door.port.offset_us if self._door.port is not None else 0
        while self._waiting:
            event = self._waiting[0]
            at_us = event.timestamp_ns // 1_000 + offset_us
            if until_us is not None and at_us >= until_us:
                if self._gap(event):
                    self._window.doubt()
                return
            self._waiting.popleft()
            try:
                self._tell_loss(event)
                self.driver.at_us = at_us
                edge = Edge(at_us, self._lines[event.line_offset], level(event))
                self._levels[edge.line] = edge.level
                self.driver.edge(edge)
            except Exception as error:  # what comes after it is still taken, but the window says nothing
                self._window.bug = f"the driver raised {blame(error)}"

    def _gap(self, event: EdgeEvent) -> int:
        return self._door.port.gap(event) if self._door.port is not None else 0

    def _tell_loss(self, event: EdgeEvent) -> None:
        """Tell of edges that the kernel dropped before this one."""
        lost = self._gap(event)
        if self._door.port is not None:
            self._door.port.expected = max(self._door.port.expected, event.global_seqno + 1)
        if lost:
            self.tally.add(LOST, lost)
            self._window.lose(lost)
            self._unsure = True

    def _cut_off(self, now_ms: int, why: str) -> None:
        """The chip is gone: what was half seen is given up, and the window is no longer whole."""
        if not self._door.shut:
            self._hand_over(None)
            self._door.slam(now_ms, why)
            self.driver.lost(0)
        self._window.cut()
        self._complain(now_ms, BusFault.cause, why)

    def _complain(self, at_ms: int, cause: str, text: str) -> None:
        self._events += self.voice.complain(at_ms, cause, text)


def level(event: EdgeEvent) -> int:
    """1 when the line became active: gpiod's enumeration and the kernel's number are both understood."""
    return 1 if plain(event.event_type) == RISING else 0


def plain(value: object) -> object:
    """The number behind a member of gpiod's enumerations."""
    return getattr(value, "value", value)


def _number(event: EdgeEvent) -> int:
    return event.global_seqno
