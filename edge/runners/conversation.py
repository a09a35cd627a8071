"""One talk in progress, kept within bounds.

Drivers are many and come from many hands, so a runner trusts none: a driver that raises something foreign, yields
something that is no step, or talks for ever is stopped, and the failure is named a `bug`, not a broken sensor.
"""

from __future__ import annotations

import math
from typing import Generic, TypeVar

from drivers.errors import DriverError
from drivers.talk import Pause, Read, Step, Talk, Write, WriteRead
from edge.runners.blame import blame

STEP_LIMIT = 2_000
PAUSE_LIMIT_S = 60.0
STEPS = (WriteRead, Write, Pause, Read)
BUG = "bug"

T = TypeVar("T")


class Broken(Exception):
    """A talk ended without a result: the cause is a counter's key, the text a sentence."""

    def __init__(self, cause: str, text: str) -> None:
        super().__init__(text)
        self.cause, self.text = cause, text


class Conversation(Generic[T]):
    """A talk and how far it is; `result` is there once `advance` has given None."""

    result: T

    def __init__(self, talk: Talk[T]) -> None:
        self._talk = talk
        self._steps = 0
        self._paused_s = 0.0

    def advance(self, answer: bytes | DriverError | None) -> Step | None:
        """Hand over the answer of the last step (None to begin), get the next; None when the talk is over.

        Raises Broken when it failed; the conversation is then closed.
        """
        try:
            if answer is None:
                step = next(self._talk)
            elif isinstance(answer, DriverError):
                step = self._talk.throw(answer)
            else:
                step = self._talk.send(answer)
        except StopIteration as end:
            self.result = end.value
            return None
        except DriverError as error:
            raise Broken(error.cause, str(error) or type(error).__name__) from error
        except Exception as error:
            raise Broken(BUG, f"the driver raised {blame(error)}") from error
        return self._allowed(step)

    def _allowed(self, step: object) -> Step:
        if not isinstance(step, STEPS):
            raise self._stopped(f"the driver yielded {type(step).__name__}, which is no step of a talk")
        self._steps += 1
        if self._steps > STEP_LIMIT:
            raise self._stopped(f"the driver did not end its talk within {STEP_LIMIT} steps")
        if isinstance(step, Pause):
            self._paused_s += step.seconds if step.seconds >= 0 else math.nan
            if not self._paused_s <= PAUSE_LIMIT_S:
                raise self._stopped(f"the driver paused for longer than {PAUSE_LIMIT_S:g} s in all")
        return step

    def _stopped(self, text: str) -> Broken:
        self.close()
        return Broken(BUG, text)

    def close(self) -> None:
        """Leave it; a driver that refuses is left anyway."""
        try:
            self._talk.close()
        except Exception:
            pass
