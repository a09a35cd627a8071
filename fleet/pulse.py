"""How the office itself does: what it says of itself every few seconds, and the checks that follow. Pure.

`fleet health` is another process than the office. It could see only that somebody holds the lock, and a collector that
hears nothing looks like a quiet night. So the running office leaves a small file in its home, and a file that is not
renewed says as much as one that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.wire.messages import CheckResult, State
from fleet.health import span
from fleet.store.damage import WORDS, remedy

EVERY_MS = 15_000
STALE_MS = 60_000
LEAST_FREE = 16 << 20  # bytes; with less the broker, too, takes nothing, and the collector hears of no fault
STUCK_MS = 60_000  # a collector that waits for letters still turns every second
LATELY_MS = 600_000
LOST_LATELY_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the running office says of itself. Times are Unix ms by the machine's clock, 0 for never."""

    at_ms: int
    pid: int = 0
    connected: bool = False
    subscribed: bool = False
    refusal: str = ""
    sessions_lost: int = 0
    session_lost_ms: int = 0
    broker_up: bool = False
    broker_restarts: int = 0
    broker_ended_ms: int = 0
    broker_fault: str = ""
    turned_ms: int = 0
    committed_ms: int = 0
    fault: str = ""
    fault_ms: int = 0
    unkept: int = 0
    free_bytes: int = -1  # on the home's disk; -1 where nobody knows
    look: str = "Look into the broker's log."
    identity: list[CheckResult] = field(default_factory=list)  # of certificates and who asks for them


def office_checks(pulse: Pulse | None, now_ms: int, home: str = "HOME") -> list[CheckResult]:
    """The checks of an office that holds the lock of `home`; one that says nothing gets one red, not five."""
    if pulse is None:
        reason = "It has said nothing of itself yet; it may be starting."
        return [CheckResult("serve", State.UNKNOWN, reason, "Ask again in a minute.")]
    if now_ms - pulse.at_ms > STALE_MS:
        reason = f"The office hangs, or cannot write in its home: it has said nothing for {span(now_ms - pulse.at_ms)}."
        remedy = f"Look at its log and at df -h {home}; then end process {pulse.pid} and run fleet serve again."
        return [CheckResult("serve", State.BAD, reason, remedy)]
    serve = CheckResult("serve", State.GOOD, "The office runs.")
    return [serve, _collector(pulse), _session(pulse, now_ms), _broker(pulse, now_ms), _store(pulse, now_ms, home),
            *pulse.identity]  # fmt: skip


def _collector(pulse: Pulse) -> CheckResult:
    again = "End fleet serve and run it again; nodes keep their readings meanwhile."
    if pulse.at_ms - pulse.turned_ms > STUCK_MS:
        reason = f"The collector has not moved for {span(pulse.at_ms - pulse.turned_ms)}."
        return CheckResult("collector", State.BAD, reason, again)
    if pulse.subscribed:
        return CheckResult("collector", State.GOOD, "It hears the nodes.")
    if not pulse.broker_up:
        return CheckResult("collector", State.UNKNOWN, "There is no broker to hear.", "See the check named broker.")
    if pulse.refusal:
        reason = f"It hears no node: the broker says no, {pulse.refusal}."
        return CheckResult("collector", State.BAD, reason, f"It is tried again. {pulse.look}")
    reason = "It hears no node: it is not subscribed." if pulse.connected else "It has no connection to the broker."
    return CheckResult("collector", State.BAD, reason, f"It is tried again. {again}")


def _session(pulse: Pulse, now_ms: int) -> CheckResult:
    if not pulse.sessions_lost:
        return CheckResult("session", State.GOOD, "The broker has kept its session.")
    times = f"{pulse.sessions_lost} times" if pulse.sessions_lost > 1 else "once"
    reason = f"The collector's session was lost {times}, last {span(now_ms - pulse.session_lost_ms)} ago."
    if not 0 <= now_ms - pulse.session_lost_ms <= LOST_LATELY_MS:  # ahead of now: by a clock that was wrong
        return CheckResult("session", State.GOOD, reason)
    remedy = "Nodes send again what is not acked. If the broker was not reset, somebody else may have the collector's "
    return CheckResult("session", State.BAD, reason, remedy + "secret: see who may read the office's home.")


def _broker(pulse: Pulse, now_ms: int) -> CheckResult:
    if not pulse.broker_up:
        reason = f"The broker does not run; it is started again. {pulse.broker_fault}".strip()
        return CheckResult("broker", State.BAD, reason, pulse.look)
    times = f"{pulse.broker_restarts} times" if pulse.broker_restarts > 1 else "once"
    ended = f"It ended {times}, last {span(now_ms - pulse.broker_ended_ms)} ago, and was started again."
    if pulse.broker_restarts and 0 <= now_ms - pulse.broker_ended_ms < LATELY_MS:
        return CheckResult("broker", State.UNKNOWN, f"{ended} Nothing was lost.", f"If it goes on: {pulse.look}")
    return CheckResult("broker", State.GOOD, ended if pulse.broker_restarts else "It runs.")


def short_of_room(pulse: Pulse) -> bool:
    """Whether the home's disk is as good as full."""
    return 0 <= pulse.free_bytes < LEAST_FREE


def _store(pulse: Pulse, now_ms: int, home: str) -> CheckResult:
    if pulse.fault:
        since = f" It has been so for {span(now_ms - pulse.fault_ms)}." if pulse.fault_ms else ""
        if any(words in pulse.fault for words in WORDS):
            aside = f"End fleet serve, then: {remedy(home)}. Nodes send again what they still hold."
            return CheckResult("store", State.BAD, f"The store is damaged. {pulse.fault}{since}", aside)
        room = f"See with df -h {home} whether there is room; it is tried again, nodes keep their readings."
        return CheckResult("store", State.BAD, pulse.fault + since, room)
    if short_of_room(pulse):
        reason = f"The office's disk is full: {pulse.free_bytes >> 20} MB are left. What nodes send cannot be taken."
        room = f"Make room; see df -h {home}. Nodes keep their readings and send them again."
        return CheckResult("store", State.BAD, reason, room)
    if pulse.unkept:
        reason = f"{pulse.unkept} messages could be neither filed nor kept; their nodes still have them."
        return CheckResult("store", State.BAD, reason, "See the office's log, and report it.")
    if not pulse.committed_ms:
        return CheckResult("store", State.GOOD, "Nothing has come in yet.")
    return CheckResult("store", State.GOOD, f"It stored something {span(now_ms - pulse.committed_ms)} ago.")
