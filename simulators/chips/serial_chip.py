"""The half that chips on a serial line share: what they hear, what they say unasked, and what befalls it on the way.

A serial chip knows no transfers. Bytes reach it by `hear`; `say` gives what it has put on the line by now. It says
nothing earlier than its time: frames fall due on the clock that was handed in, whether anybody reads or not, and who
does not read loses the newest bytes, as with the kernel's buffer.

Beside the knobs of `Faults` there is `tear`: the next frames break off half-way. A refusal is silence; `stuck_busy`
is a chip that talks without having measured; an unplugged one hears and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drivers.driver import SerialLine
from drivers.reading import Quantity
from simulators.chips.chip import Chip

LINE_HOLDS = 4095  # bytes: what a Linux tty keeps for a reader who is late
PIECE = 1024


class SerialChip(Chip):
    """A simulated chip on a serial line. Subclasses say `frame_due` and `hear`."""

    line = SerialLine()

    def __init__(self, now_us: Callable[[], int], noise: Callable[[Quantity], float] | None = None) -> None:
        self._line = bytearray()
        self._due_us: int | None = None
        self._torn = 0
        self._stream = b""  # a vector's, said instead of its own frames, a bufferful at a time
        self._loaded: bytes | None = None  # a vector's answer to the next request, said instead of its own
        super().__init__(now_us, noise)

    def tear(self, frames: int = 1) -> None:
        """Let the next frames break off half-way; with 0, none any more."""
        self._torn = self._torn + frames if frames else 0

    def hear(self, data: bytes) -> None:
        """Bytes from the host."""

    def frame_due(self) -> tuple[bytes, int | None]:
        """The frame that is due, and after how many microseconds the next one is (None: not before it is asked)."""
        raise NotImplementedError

    def next_us(self) -> int | None:
        """When it will next have something to say, unless it is asked before; None when never."""
        return self.now_us() if self._line or self._stream else self._due_us

    def say(self) -> bytes:
        """What it has put on the line since it was last asked."""
        if self.faults.browned_out():
            self.power_on()
        while self._due_us is not None and self._due_us <= self.now_us():
            frame, wait_us = self.frame_due()
            self._due_us = None if wait_us is None else self._due_us + wait_us
            self.utter(frame)
        said, self._stream = bytes(self._line) + self._stream[:PIECE], self._stream[PIECE:]
        self._line.clear()
        return said

    def utter(self, frame: bytes) -> None:
        """Put a frame on the line, if it gets there, as it gets there."""
        if self.faults.refuses() or not frame:
            return
        frame = self.faults.noise() + self.faults.damaged(frame)
        if self._torn:
            self._torn -= 1
            frame = frame[: len(frame) // 2]
        self._line += frame[: LINE_HOLDS - len(self._line)]

    def answer(self, own: bytes) -> None:
        """Answer a request: with a vector's reply, once, if there is one."""
        self.utter(own if self._loaded is None else self._loaded)
        self._loaded = None if self._loaded is None else b""

    def take(self, name: str, value: Any, door: Mapping[str, Any]) -> None:
        if name == "stream":
            self._due_us = None
            self._stream += bytes.fromhex(value)
        elif name == "reply":
            self._loaded = bytes.fromhex(value)
        else:
            super().take(name, value, door)
