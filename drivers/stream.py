"""Devices that talk unasked: bytes come in as they come, whole readings go out.

`feed` takes any cut of the stream, from single bytes to glued frames with garbage between, and never raises. Where
no frame begins one byte is dropped and the search goes on from the next, so that a frame that begins inside the wreck
of another is still found. How the stream was cut into calls never changes what comes out: a frame is judged by its
own bytes alone, and none is longer than `longest`, which also bounds the memory that a babbling line can take.

Damage is counted by cause, once for each stretch of bytes that belongs to no frame, and once for each frame that
failed its check. A damaged frame never gives a value.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from drivers.driver import Driver, SerialLine
from drivers.errors import ChecksumError, DriverError, FramingError
from drivers.reading import Reading
from drivers.setting import Chosen
from drivers.talk import Talk

TRUNCATED = "truncated"  # a frame began and the line fell silent


class Incomplete(Exception):
    """The buffer may hold the beginning of a frame; more bytes are needed to know."""


class StreamDriver(Driver):
    """Finds frames in a serial stream. Subclasses say what a frame is, in `start`, `frame` and `decode`."""

    line: SerialLine = SerialLine()  # a driver whose line hangs on its settings sets its own
    silence_s: float = 5.0  # quiet for longer than this is a timeout
    gap_s: ClassVar[float] = 0.5  # a frame is never torn for longer than this: call `flush`
    longest: ClassVar[int] = 64  # bytes; no frame is longer
    start: ClassVar[bytes] = b""  # the byte that every frame begins with; with several kinds of frame, any of these
    idle: ClassVar[bytes] = b""  # bytes between frames that are no damage
    sealed: ClassVar[bool] = True  # frames carry a sum; where they do not, damage can look like a value
    lost_setup: bool = False  # said by `decode`: the device forgot what `setup` told it, so tell it again

    def __init__(self, **settings: Chosen) -> None:
        super().__init__(**settings)
        self._buffer = bytearray()
        self._foreign = bytes(byte for byte in range(256) if self.start and byte not in self.start)
        self._astray = False  # inside a stretch of damage that has been counted
        self.errors: Counter[str] = Counter()  # damaged frames and stretches of bytes, by cause

    def setup(self) -> Talk[None]:
        """Commands that bring the device to talk; their answers come through `feed`. Write and Pause only."""
        yield from ()

    def rest(self) -> Talk[None]:
        """Commands that put the device to sleep until the next `setup`; only where `can_rest`. Write and Pause only."""
        yield from ()

    def frame(self, buffer: bytearray) -> int:
        """Length of the valid frame at the start of `buffer`, whose first byte is of `start`.

        Raises Incomplete when it could become one, FramingError or ChecksumError when it cannot. Must not change
        the buffer, and must not change its mind when more bytes follow.
        """
        raise NotImplementedError

    def decode(self, frame: bytes) -> list[Reading] | None:
        """The readings of a valid frame, none at all when it only told something to a window or a clock.

        None when the frame is an answer to a command. May raise DriverError.
        """
        raise NotImplementedError

    def feed(self, data: bytes) -> list[list[Reading]]:
        """Take bytes as they came; give the readings of each whole frame in them, in order."""
        found: list[list[Reading]] = []
        for at in range(0, len(data), self.longest):
            self._buffer += data[at : at + self.longest]
            while self._seek() and (readings := self._next()) is not None:
                found += readings
        return found

    @property
    def midway(self) -> bool:
        """Whether a silence now would end anything: half a frame, or a stretch of damage."""
        return bool(self._buffer) or self._astray

    def flush(self) -> list[list[Reading]]:
        """The line fell silent: what waits for more will not get it. Counts a half frame, and gives what it hid."""
        found: list[list[Reading]] = []
        while self._seek():
            if (readings := self._next()) is None:
                self._drop(TRUNCATED)
            else:
                found += readings
        self._astray = False
        return found

    def forget(self) -> None:
        """The device went away: drop what is half here without a word."""
        self._buffer.clear()
        self._astray = False

    def _seek(self) -> bool:
        """Drop what no frame begins with; whether anything is left."""
        skipped = self._buffer[: len(self._buffer) - len(self._buffer.lstrip(self._foreign))]
        if skipped.strip(self.idle) if self.idle else skipped:
            self._stray(FramingError.cause)
        del self._buffer[: len(skipped)]
        return bool(self._buffer)

    def _next(self) -> list[list[Reading]] | None:
        """Take one step: a frame, or a byte dropped. None when more bytes are needed."""
        try:
            length = self.frame(self._buffer)
        except Incomplete:
            if len(self._buffer) < self.longest:
                return None
            length = self.longest + 1
        except (FramingError, ChecksumError) as error:
            self._drop(error.cause)
            return []
        if length > self.longest:
            self._drop(FramingError.cause)
            return []
        if length < 1:
            self._buffer.clear()
            raise ValueError(f"the frame() of {self.name} said that a frame is {length} bytes long")
        return self._take(length)

    def _take(self, length: int) -> list[list[Reading]]:
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._astray = False
        try:
            readings = self.decode(frame)
        except DriverError as error:
            self.errors[error.cause] += 1
            return []
        return [] if readings is None else [readings]

    def _drop(self, cause: str) -> None:
        self._stray(cause)
        del self._buffer[0]

    def _stray(self, cause: str) -> None:
        if cause == ChecksumError.cause or not self._astray:
            self.errors[cause] += 1
        self._astray = True
