"""Devices that speak in lines of text, without a sum: what a line is, and what is not to be believed to be one.

Half a number is a number too: `23.4` may be the end of `123.4`. So a line counts only when the end of the line before
it was heard. The first piece after opening the port is dropped (and counted as framing, once), as is what follows a
silence in the middle of a line, and a line longer than `longest` is dropped whole and never read from its middle.
Lines end with CR, LF or both; empty ones are nothing.
"""

from __future__ import annotations

import re

from drivers.errors import FramingError, NotMeasured
from drivers.reading import Reading
from drivers.stream import TRUNCATED, Incomplete, StreamDriver

ENDS = b"\r\n"
END = re.compile(rb"[\r\n]")
NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][+-]?\d{1,2})?")


class TextDriver(StreamDriver):
    """Finds lines; subclasses say what stands on one, in `line_said`."""

    longest = 512  # with the end of the line before: 510 characters
    start = ENDS
    sealed = False

    def line_said(self, line: str) -> list[Reading] | None:
        """As `decode`, for a line without its end, never empty. May raise DriverError."""
        raise NotImplementedError

    def frame(self, buffer: bytearray) -> int:
        """From the end of the line before to the end of this one, which is left for the next."""
        end = END.search(buffer, 1)
        if end is None:
            raise Incomplete
        if end.start() >= self.longest:
            raise FramingError("no line is so long")
        return end.start()

    def decode(self, frame: bytes) -> list[Reading] | None:
        text = frame[1:].decode("ascii", "replace").strip(" ")
        if not text.strip():
            return None
        if not text.replace("\t", "").isprintable() or "\ufffd" in text:
            raise FramingError("a line holds what is no text")
        return self.line_said(text)

    def flush(self) -> list[list[Reading]]:
        """Silence after the end of a line is none; in the middle of one, its rest is not believed any more."""
        if len(self._buffer) > 1:
            self.errors[TRUNCATED] += 1
            self._buffer.clear()
        self._astray = False
        return []


def number(text: str) -> float:
    """A decimal number as people and devices write it. Raises NotMeasured."""
    if not NUMBER.fullmatch(text):
        raise NotMeasured("there is no number where one was expected")
    return float(text)
