"""What is said to a device that talks unasked: writes and pauses, in pieces, because nobody is waited for."""

from __future__ import annotations

from typing import Literal

from drivers.talk import Pause, Talk, Write
from edge.buses.port import SerialPort
from edge.runners.conversation import BUG, Broken, Conversation
from edge.runners.timetable import whole_ms


class Recital:
    """A setup, or the words before sleep; times in ms since boot."""

    def __init__(self, talk: Talk[None], what: Literal["setup", "rest"], now_ms: int) -> None:
        self.what, self.began_ms = what, now_ms
        self._talk = Conversation(talk)
        self._answer: bytes | None = None
        self._pause: Pause | None = None  # not yet begun
        self._resume_ms = now_ms

    def due_ms(self, stepped_ms: int) -> int:
        """When it goes on, the runner having been stepped at `stepped_ms`."""
        return stepped_ms if self._pause is not None else self._resume_ms

    def go_on(self, port: SerialPort, now_ms: int) -> bool:
        """Say what may be said now; whether that was all. Raises Broken, BusFault."""
        if self._pause is not None:
            self._resume_ms, self._pause = now_ms + whole_ms(self._pause.seconds), None
        while now_ms >= self._resume_ms:
            step = self._talk.advance(self._answer)
            self._answer = b""
            if step is None:
                return True
            if isinstance(step, Pause):
                self._pause = step
                return False
            if not isinstance(step, Write):
                raise Broken(BUG, f"the setup of a stream writes and pauses; it can not {type(step).__name__}")
            port.write(step.data)
        return False

    def close(self) -> None:
        self._talk.close()
