"""One sensor as its health sees it: what it last said, since when it fails, and with which words."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.reading import Flag, Reading
from edge.events import Failed
from edge.wire.messages import CheckResult, Scalar, State
from edge.wiring import SensorPlan

LATE = 2.5  # intervals without a good reading
LEAST_MS = 30_000  # ... but so long at least
FAILED_FOR_GOOD = 3  # failures in a row that are worth an event
HUSH_MS = 600_000  # ... which is told once in so long: a loose contact must not fill the journal with its story

REMEDIES = {
    "nack": "Check its power and wiring, then run: edge scan",
    "bus": "Check cables and whether the bus is enabled, then run: edge scan",
    "timeout": "Check its power and that its lines are not swapped, then run: edge read {name}",
    "checksum": "Look for a long or loose cable or a wrong baud rate, then run: edge read {name}",
    "framing": "Look for a wrong port or baud rate, then run: edge read {name}",
    "wrong_chip": "Another chip answers there: compare the board with the wiring, then run: edge scan",
    "device_fault": "The device reports a fault of its own: clean or replace it.",
    "bug": "This is a fault of the driver: report it, with the output of: edge read {name}",
}
OTHER = "Run: edge read {name}"


@dataclass(slots=True)
class Patient:
    """Times in ms since boot."""

    plan: SensorPlan
    since_ms: int
    readings: tuple[Reading, ...] = ()
    good_ms: int | None = None
    cause: str = ""
    error: str = ""
    error_ms: int | None = None
    failures: int = 0  # in a row
    known_bad: bool = False
    told_ms: int | None = None  # when it was last told that it failed
    relapses: int = 0  # since then

    @property
    def interval_ms(self) -> int:
        """How often it is reported."""
        return self.plan.window_ms or self.plan.interval_ms

    def took(self, readings: tuple[Reading, ...], now_ms: int) -> tuple[str, dict[str, Scalar]] | None:
        """It gave readings; an event when that is news."""
        self.readings, self.good_ms, self.failures = readings, now_ms, 0
        news = self.known_bad
        self.known_bad = False
        return ("sensor recovered", {"sensor": self.plan.name}) if news else None

    def failed(self, event: Failed, now_ms: int) -> tuple[str, dict[str, Scalar]] | None:
        """It could not be read; an event when that is news."""
        self.cause, self.error, self.error_ms = event.cause, event.text, now_ms
        self.failures += 1
        if self.known_bad or self.failures < FAILED_FOR_GOOD:
            return None
        if self.told_ms is not None and now_ms < self.told_ms + HUSH_MS:
            self.relapses += self.failures == FAILED_FOR_GOOD
            return None
        details: dict[str, Scalar] = {"sensor": self.plan.name, "cause": event.cause, "text": event.text[:200]}
        if self.relapses:
            details["relapses"] = self.relapses
        self.known_bad, self.told_ms, self.relapses = True, now_ms, 0
        return "sensor failed", details

    def check(self, now_ms: int) -> CheckResult:
        """Its health question."""
        name = f"sensor.{self.plan.name}"
        patience_ms = max(LATE * self.interval_ms, LEAST_MS)
        silent_ms = now_ms - (self.since_ms if self.good_ms is None else self.good_ms)
        if silent_ms > patience_ms:
            why = f": {self.error}" if self.error_ms is not None and self.failures else ""
            return CheckResult(name, State.BAD, f"No reading for {duration(silent_ms)}{why}.", self._remedy())
        if self.good_ms is None:
            why = f" ({self.error})" if self.error else ""
            return CheckResult(name, State.UNKNOWN, f"No reading yet{why}.", f"Wait for {duration(patience_ms)}.")
        return self._believed(name, now_ms - self.good_ms)

    def _believed(self, name: str, age_ms: int) -> CheckResult:
        for flag, words in ((Flag.STUCK, "stands still"), (Flag.RANGE, "cannot be")):
            doubted = [reading.name for reading in self.readings if flag in reading.flags]
            if doubted:
                reason = f"What {', '.join(doubted)} says {words}."
                remedy = f"Look whether it is blocked, wet or broken, then run: edge read {self.plan.name}"
                return CheckResult(name, State.BAD, reason, remedy)
        return CheckResult(name, State.GOOD, f"Read {duration(age_ms)} ago.")

    def _remedy(self) -> str:
        cause = self.cause if self.failures else ""
        return REMEDIES.get(cause, OTHER).format(name=self.plan.name)


def duration(milliseconds: float) -> str:
    """For people: 12 s, 5 min, 3 h, 2 days."""
    seconds = milliseconds / 1_000
    for limit, size, word in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds / 86_400:.0f} days"
