"""Devices that talk unasked: bytes come in as they come, whole readings go out.

`feed` takes any cut of the stream, from single bytes to glued frames with garbage between, and never raises: what is
not a frame is dropped one byte at a time, so that a frame that begins inside the garbage is still found, and is
counted by cause. The buffer is bounded by the longest frame the device can send.
"""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from drivers.driver import Driver, SerialLine, SettingValue
from drivers.errors import ChecksumError, DriverError, FramingError
from drivers.reading import Reading
from drivers.talk import Talk


class Incomplete(Exception):
    """The buffer may hold the beginning of a frame; more bytes are needed to know."""


class StreamDriver(Driver):
    """Finds frames in a serial stream. Subclasses say what a frame is, in `frame` and `decode`."""

    line: ClassVar[SerialLine] = SerialLine()
    silence_s: ClassVar[float] = 5.0  # quiet for longer than this is a timeout
    longest: ClassVar[int] = 64  # bytes; a buffer without a frame never grows beyond

    def __init__(self, **settings: SettingValue) -> None:
        super().__init__(**settings)
        self._buffer = bytearray()
        self.errors: Counter[str] = Counter()  # damaged frames and dropped bytes, by cause

    def setup(self) -> Talk[None]:
        """Commands that bring the device to talk; their answers come through `feed`. Write and Pause only."""
        yield from ()

    def frame(self, buffer: bytes) -> int:
        """Length of the valid frame at the start of `buffer`.

        Raises Incomplete when it could become one, FramingError or ChecksumError when it cannot.
        """
        raise NotImplementedError

    def decode(self, frame: bytes) -> list[Reading] | None:
        """The readings of a valid frame; None when it holds none (an answer to a command). May raise DriverError."""
        raise NotImplementedError

    def feed(self, data: bytes) -> list[list[Reading]]:
        """Take bytes as they came; give the readings of each whole frame in them, in order."""
        found: list[list[Reading]] = []
        self._buffer += data
        while self._buffer:
            try:
                length = self.frame(bytes(self._buffer))
            except Incomplete:
                if len(self._buffer) <= self.longest:
                    break
                self._drop(FramingError.cause)
            except (FramingError, ChecksumError) as error:
                self._drop(error.cause)
            else:
                found += self._take(length)
        return found

    def _drop(self, cause: str) -> None:
        self.errors[cause] += 1
        del self._buffer[0]

    def _take(self, length: int) -> list[list[Reading]]:
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        try:
            readings = self.decode(frame)
        except DriverError as error:
            self.errors[error.cause] += 1
            return []
        return [] if readings is None else [readings]

    def forget(self) -> None:
        """Drop a half frame: after an unplug, or a silence longer than a frame may be torn."""
        self._buffer.clear()
