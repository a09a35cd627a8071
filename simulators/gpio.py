"""GPIO lines without a header: edges queue up by the kernel's rules, behind the face of gpiod's `LineRequest`.

The rules of the character device, version 2: a buffer of fixed size per request (at most 1024); when it is full the
oldest event goes; every edge is numbered, per request and per line, whether it is dropped or not, so that a gap in
the numbers tells the loss; the descriptor is readable while events wait. Here it is one end of a pipe that holds one
byte for as long. `rising` means that a line became active, as with a request that says which level is active.
"""

from __future__ import annotations

import enum
import os
import select
import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from drivers.errors import BusFault
from drivers.lines import Edge
from simulators.chips.lines_chip import LinesChip

LARGEST_BUFFER = 1024
SMALLEST_PER_LINE = 16


class Type(enum.Enum):
    """As `gpiod.EdgeEvent.Type`."""

    RISING_EDGE = 1
    FALLING_EDGE = 2


@dataclass(frozen=True, slots=True)
class SimulatedEdge:
    """As `gpiod.EdgeEvent`."""

    event_type: Type
    timestamp_ns: int
    line_offset: int
    global_seqno: int
    line_seqno: int


class SimulatedLines:
    """One request for lines, fed by a chip whose lines are wired to these offsets."""

    def __init__(self, chip: LinesChip, pins: Mapping[str, int], event_buffer_size: int = LARGEST_BUFFER) -> None:
        """`pins` wires each line of the chip to an offset. A size of 0 is the kernel's default, 16 per line."""
        self.chip, self._pins = chip, dict(pins)
        size = event_buffer_size or SMALLEST_PER_LINE * len(pins)
        self._events: deque[SimulatedEdge] = deque(maxlen=min(LARGEST_BUFFER, 1 << (size - 1).bit_length()))
        self._levels = {offset: chip.levels.get(line, 0) for line, offset in self._pins.items()}
        self._global, self._line = 0, Counter[int]()
        self._lock = threading.RLock()
        self._readable, self._signal = os.pipe()
        self._signalled = self._released = False

    @property
    def fd(self) -> int:
        """Readable while events wait. Raises BusFault after `release`."""
        self._check()
        return self._readable

    def fileno(self) -> int:
        """The same, for `select`."""
        return self.fd

    @property
    def offsets(self) -> list[int]:
        """The lines of the request."""
        return list(self._pins.values())

    def pump(self) -> None:
        """Let what happened at the chip by now reach the kernel. Callable from any thread."""
        self.push(self.chip.edges())

    def push(self, edges: Iterable[Edge]) -> None:
        """Edges as the kernel sees them: numbered, queued, the oldest dropped when the buffer is full."""
        with self._lock:
            for edge in () if self._released else edges:
                offset = self._pins[edge.line]
                self._levels[offset] = edge.level
                self._global += 1
                self._line[offset] += 1
                kind = Type.RISING_EDGE if edge.level else Type.FALLING_EDGE
                self._events.append(
                    SimulatedEdge(kind, edge.at_us * 1000, offset, self._global, self._line[offset])
                )
            self._show()

    def wait_edge_events(self, timeout: timedelta | float | None = None) -> bool:
        """Whether events wait, or come within `timeout` seconds (None: for ever). Raises BusFault after `release`."""
        self._check()
        self.pump()
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        return bool(select.select([self._readable], [], [], seconds)[0])

    def read_edge_events(self, max_events: int | None = None) -> list[SimulatedEdge]:
        """The oldest events, at most so many; waits for one if there is none. Raises BusFault after `release`."""
        self.wait_edge_events(None)
        with self._lock:
            count = min(len(self._events), max_events or LARGEST_BUFFER)
            taken = [self._events.popleft() for _ in range(count)]
            self._show()
        return taken

    def get_values(self, lines: Iterable[int] | None = None) -> list[int]:
        """The levels of these offsets, of all by default: 1 is active."""
        self._check()
        self.pump()
        return [self._levels[offset] for offset in (self.offsets if lines is None else lines)]

    def release(self) -> None:
        """Give the lines back. Twice is no mistake."""
        with self._lock:
            if not self._released:
                self._released = True
                os.close(self._readable)
                os.close(self._signal)

    def _check(self) -> None:
        if self._released:
            raise BusFault("the lines were released")

    def _show(self) -> None:
        if self._released or bool(self._events) == self._signalled:
            return
        self._signalled = bool(self._events)
        if self._signalled:
            os.write(self._signal, b"e")
        else:
            os.read(self._readable, 1)
