"""The lamp at the node, for whoever stands under the pole.

Steady: healthy. Slow blinking: no connection; nothing is lost, it is being kept. Fast blinking: a fault. A double flash
for a minute: this is the node that somebody asked to identify itself; the button asks for the same. What it
shows at an instant is a pure function; `edge/buses/panel.py` has the light and the button themselves.
"""

from __future__ import annotations

import enum
from typing import Protocol

from edge.events import Event
from edge.runners.breaker import State
from edge.runners.runner import Counters

IDENTIFY_MS = 60_000


class Shows(enum.Enum):
    """What the lamp says, as spans of light and dark in ms; none is steady light."""

    HEALTHY = ()
    OFFLINE = (1_000, 1_000)
    FAULT = (125, 125)
    IDENTIFY = (100, 150, 100, 650)


def lit(shows: Shows, now_ms: int) -> tuple[bool, int | None]:
    """Whether the lamp is lit now, and when that changes; None: not before it is told to show something else."""
    spans = shows.value
    if not spans:
        return True, None
    began_ms = now_ms - now_ms % sum(spans)
    for number, span in enumerate(spans):
        began_ms += span
        if now_ms < began_ms:
            return number % 2 == 0, began_ms
    raise AssertionError("a period is the sum of its spans")


class Light(Protocol):
    """As much of gpiozero's LED as we need."""

    def on(self) -> None: ...
    def off(self) -> None: ...
    def close(self) -> None: ...


class Lamp:
    """A runner without sensors: step it like a bus. `show` and `identify` may come from any thread; wake it then."""

    sensors: tuple[str, ...] = ()
    fd: int | None = None
    gather_ms = 0

    def __init__(self, light: Light, shows: Shows = Shows.OFFLINE) -> None:
        self._light, self._shows = light, shows
        self._identify_until_ms = 0
        self._is_lit: bool | None = None
        self._next_ms: int | None = 0

    def show(self, shows: Shows) -> None:
        """What it says from now on."""
        if shows is not self._shows:
            self._shows, self._next_ms = shows, 0

    def identify(self, now_ms: int) -> None:
        """Say "here I am" for a minute."""
        self._identify_until_ms, self._next_ms = now_ms + IDENTIFY_MS, 0

    def step(self, now_ms: int) -> list[Event]:
        identifies = now_ms < self._identify_until_ms
        now_lit, self._next_ms = lit(Shows.IDENTIFY if identifies else self._shows, now_ms)
        if now_lit is not self._is_lit:
            self._is_lit = now_lit
            self._light.on() if now_lit else self._light.off()
        return []

    def next_due_ms(self) -> int | None:
        return self._next_ms

    def ask(self, sensor: str) -> None:
        """It has none."""

    def counters(self) -> dict[str, Counters]:
        return {}

    def breakers(self) -> dict[str, State]:
        return {}

    def close(self) -> None:
        self._light.off()
        self._light.close()
