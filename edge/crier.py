"""What `edge run` says of itself on stderr: a line when a check turns bad, a line when it is good again.

Whoever starts the agent by hand, or reads the journal of systemd, learns what is wrong without asking. A check that
flutters may not fill the card with words, so each speaks at most twice a minute; what it could not say is said when
its time has come, if it is still so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from edge.wire.messages import CheckResult, State

PER_MINUTE = 2  # lines of one check
MINUTE_MS = 60_000
LONGEST = 400  # letters of a line
STANDS = {"sensor": "It is tried again by itself; the other sensors go on.", "board": "The last good one stays in use."}


class Crier:
    """Remembers what was said of which check; times in ms since boot."""

    def __init__(self) -> None:
        self._bad: set[str] = set()  # last told so
        self._spoke: dict[str, deque[int]] = {}

    def hear(self, checks: Iterable[CheckResult], now_ms: int) -> list[str]:
        """The lines to be said now: what happened, how things stand, and the remedy."""
        return [line for check in checks if (line := self._line(check, now_ms))]

    def _line(self, check: CheckResult, now_ms: int) -> str:
        told_bad = check.name in self._bad
        news = check.state is (State.GOOD if told_bad else State.BAD)
        if not news or not self._may(check.name, now_ms):
            return ""
        if told_bad:
            self._bad.discard(check.name)
            return plain(f"{check.name} is good again: {check.reason}")
        self._bad.add(check.name)
        stand = STANDS.get(check.name.partition(".")[0], "")
        return plain(f"{check.name} is bad: {check.reason} {stand} {check.remedy}")

    def _may(self, name: str, now_ms: int) -> bool:
        spoke = self._spoke.setdefault(name, deque(maxlen=PER_MINUTE))
        if len(spoke) == PER_MINUTE and now_ms < spoke[0] + MINUTE_MS:
            return False
        spoke.append(now_ms)
        return True


def plain(text: str) -> str:
    """One line of printable letters, however it was written."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
