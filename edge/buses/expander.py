"""The lines of an MCP23017 with the face of gpiod's request: looked at every few milliseconds, edges stamped when seen.

The chip latches the first change of each half until it is looked at, so a pulse shorter than the pause between two
looks is still counted, and its two edges are certain (`drivers.mcp23017.story`). What may have happened after that can
not be known: where a look came late or failed half-way, the numbers of the edges jump, as the kernel's do when it drops
some, so that whoever counts flags his window. An edge is stamped with the look that found it, the first of a pulse
half-way back to the look before; so speeds and directions need lines of the Pi itself.

Several sensors may have pins of one chip. It is configured for all of them together, and whoever comes later costs the
others no edge. A chip that lost its power, or does not answer for half a second, breaks all its requests (BusFault);
the next to ask for lines configures it anew.
"""

from __future__ import annotations

import enum
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from drivers.errors import BusFault, DeviceFault, DriverError
from drivers.mcp23017 import PINS, Change, Pins, changes, configure, intact, levels, story
from edge.buses.bell import Bell
from edge.buses.port import EdgeEvent, I2CPort
from edge.buses.pump import Pump, Pumps
from edge.buses.turn import lead
from edge.runners.blame import blame

LOOK_MS = 5
LATE_US = 4 * LOOK_MS * 1_000  # between two looks: what came after a first change may be lost
INTACT_US = 1_000_000  # how often the configuration is read although nothing changes
PATIENCE_US = 500_000  # without an answer
MOST_WAITING = 1_024  # as the kernel keeps
NO_SUCH_BIAS = 'an MCP23017 can not pull down: write bias = "pull_up" and active_low = true, or add a resistor'


class Type(enum.Enum):
    """As `gpiod.EdgeEvent.Type`."""

    RISING_EDGE = 1
    FALLING_EDGE = 2


@dataclass(frozen=True, slots=True)
class ExpanderEdge:
    """As `gpiod.EdgeEvent`."""

    event_type: Type
    timestamp_ns: int
    line_offset: int
    global_seqno: int
    line_seqno: int


class ExpanderLines:
    """One sensor's request; a LinePort."""

    offset_us = 0  # stamped in time since boot

    def __init__(self, expander: Expander, offsets: tuple[int, ...], pins: Pins) -> None:
        self._expander, self.offsets, self.pins = expander, offsets, pins
        self._events: deque[EdgeEvent] = deque(maxlen=MOST_WAITING)
        self._global, self._line = 0, Counter[int]()
        self._bell = Bell()
        self._broken: BusFault | None = None

    @property
    def fd(self) -> int:
        return self._bell.fd

    def wait_edge_events(self, timeout: float | None = None) -> bool:
        """Whether edges wait, or come within so long. Raises BusFault when the chip broke."""
        if not self._events and timeout != 0:
            self._bell.heard(timeout)
        self._check()
        return bool(self._events)

    def read_edge_events(self, max_events: int | None = None) -> Sequence[EdgeEvent]:
        """The oldest edges. Raises BusFault when the chip broke."""
        self._check()
        taken = [self._events.popleft() for _ in range(min(len(self._events), max_events or MOST_WAITING))]
        self._bell.show(bool(self._events or self._broken))
        return taken

    def get_values(self, lines: Iterable[int] | None = None) -> Sequence[object]:
        """How the lines stood at the last look: 1 is active."""
        self._check()
        return [self._expander.stood >> pin & 1 for pin in (self.offsets if lines is None else lines)]

    def release(self) -> None:
        self._expander.release(self)
        self._bell.close()

    def push(self, at_us: int, pin: int, level: int) -> None:
        """An edge of one of its lines."""
        self._global += 1
        self._line[pin] += 1
        kind = Type.RISING_EDGE if level else Type.FALLING_EDGE
        self._events.append(ExpanderEdge(kind, at_us * 1_000, pin, self._global, self._line[pin]))
        self._bell.show(True)

    def skip(self) -> None:
        """Some edges are missing before the next; how many nobody knows."""
        self._global += 1

    def end(self, fault: BusFault) -> None:
        """The chip is gone: say so to whoever looks."""
        self._broken = fault
        self._bell.show(True)

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken


class Expander:
    """One chip and all requests for its lines. From any thread."""

    def __init__(self, port: I2CPort, address: int, now_us: Callable[[], int], pumps: Pumps, where: str = "") -> None:
        self._port, self._address, self._now_us, self._pumps = port, address, now_us, pumps
        self._where = where or f"0x{address:02x}"
        self._turn = threading.RLock()
        self._requests: list[ExpanderLines] = []
        self._pump: Pump | None = None
        self._pins = Pins()
        self.stood = 0  # the levels at the last look
        self._looked_us = self._intact_us = 0
        self._doubtful = False  # a look broke off: what it had read of the latch is gone

    def request(self, offsets: tuple[int, ...], bias: str, active_low: bool) -> ExpanderLines:
        """Watch these pins. Raises BusFault in words for the technician."""
        with self._turn:
            if wrong := [pin for pin in offsets if pin not in PINS]:
                raise BusFault(f"the expander at {self._where} has the lines 0 to 15, not {wrong[0]}")
            if bias == "pull_down":
                raise BusFault(NO_SUCH_BIAS)
            if taken := [pin for each in self._requests for pin in each.offsets if pin in offsets]:
                raise BusFault(f"line {taken[0]} of the expander at {self._where} is in use already")
            lines = sum(1 << pin for pin in offsets)
            pins = Pins(lines, lines if bias == "pull_up" else 0, lines if active_low else 0)
            self.look()
            self._set_up([*self._requests, made := ExpanderLines(self, offsets, pins)])
            self._pump = self._pump or self._pumps(self.look, LOOK_MS)
            return made

    def look(self) -> None:
        """What happened since the last time goes to whom it belongs. A fault is told to the requests."""
        with self._turn:
            if not self._requests:
                return
            now_us = self._now_us()
            try:
                self._look(now_us)
            except DeviceFault as error:
                self._end(BusFault(f"the expander at {self._where}: {error}"))
            except DriverError as error:
                self._doubtful = True
                if now_us - self._looked_us > PATIENCE_US:
                    self._end(BusFault(f"the expander at {self._where} does not answer: {error}"))
            except Exception as error:  # counting must not end in silence
                self._end(BusFault(f"the expander at {self._where}: {blame(error)}"))

    def release(self, lines: ExpanderLines) -> None:
        """Its pins are watched no more."""
        with self._turn:
            if lines in self._requests:
                self._requests.remove(lines)
                self._pins = _all([each.pins for each in self._requests])
                self._intact_us = 0
                self._rest()
                if self._requests:
                    self._reconfigure()

    def _look(self, now_us: int) -> None:
        change = lead(changes(self._pins), self._port, self._address)
        if self._doubtful:
            stands = lead(levels(), self._port, self._address)
            lead(intact(self._pins), self._port, self._address)
            change = Change(0, stands, stands)
            self._skip(0xFFFF)
            self._doubtful = False
        if change is None and now_us - self._intact_us >= INTACT_US:
            lead(intact(self._pins), self._port, self._address)
            self._intact_us = now_us
        if change is not None:
            self._intact_us = now_us
            self._tell(change, now_us)
        self._looked_us = now_us

    def _tell(self, change: Change, now_us: int) -> None:
        first, later, more = story(self.stood, change, self._pins.watched)
        if more or now_us - self._looked_us > LATE_US:
            self._skip(change.first)
        between_us = (self._looked_us + now_us) // 2
        hurried = {pin for pin, _ in later}
        for pin, level in first:
            self._push(between_us if pin in hurried else now_us, pin, level)
        for pin, level in later:
            self._push(now_us, pin, level)
        self.stood = change.now

    def _skip(self, flagged: int) -> None:
        """Of the halves that had a first change, later ones may be missing."""
        halves = sum(bits for bits in (0x00FF, 0xFF00) if flagged & bits)
        for each in self._requests:
            if each.pins.watched & halves:
                each.skip()

    def _push(self, at_us: int, pin: int, level: int) -> None:
        for each in self._requests:
            if pin in each.offsets:
                each.push(at_us, pin, level)

    def _set_up(self, requests: list[ExpanderLines]) -> None:
        wanted = _all([each.pins for each in requests])
        try:
            stand = lead(configure(wanted), self._port, self._address)
        except DriverError as error:
            self._end(BusFault(f"the expander at {self._where}: {error}"))
            raise BusFault(f"the expander at {self._where}: {error}") from error
        self._looked_us, self._doubtful = self._now_us(), False
        self._intact_us = self._looked_us
        if self._requests:  # what changed while it was configured
            self._pins = _all([each.pins for each in self._requests])
            self._tell(Change(0, stand, stand), self._looked_us)
        self._requests, self._pins, self.stood = requests, wanted, stand

    def _reconfigure(self) -> None:
        try:
            self._set_up(list(self._requests))
        except BusFault:
            pass  # told to the others

    def _end(self, fault: BusFault) -> None:
        ended, self._requests = self._requests, []
        for each in ended:
            each.end(fault)
        self._rest()

    def _rest(self) -> None:
        if not self._requests and self._pump is not None:
            self._pump.stop()
            self._pump = None


def _all(each: list[Pins]) -> Pins:
    """What several want of one chip."""
    watched = pulled_up = inverted = 0
    for pins in each:
        watched, pulled_up = watched | pins.watched, pulled_up | pins.pulled_up
        inverted |= pins.inverted
    return Pins(watched, pulled_up, inverted)
