"""How the node does: named questions, each answered good, bad or unknown, with a reason and a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.delivery import SessionView as SessionView
from edge.delivery import delivery, session
from edge.patient import Patient, duration
from edge.timecheck import ClockView as ClockView
from edge.timecheck import clock
from edge.wire.messages import CheckResult, State

OLD_MS = 24 * 3_600_000
NEARLY_FULL = 0.8
LEAST_FREE = 100 * 2**20
FRESH_START_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class JournalView:
    """The journal as it stands. `trouble` is what it last refused to do, "" when all is well."""

    trouble: str = ""
    remedy: str = ""
    waiting: int = 0  # readings in memory that it does not take
    backlog: int = 0  # readings not acked
    used: int = 0
    cap: int = 1
    oldest_ms: int = 0
    days_left: int | None = None  # until it is full when the office takes nothing


@dataclass(frozen=True, slots=True)
class NodeView:
    """Everything that the checks look at; times in ms since boot."""

    now_ms: int
    began_ms: int
    journal: JournalView
    session: SessionView
    clock: ClockView
    free_bytes: int | None
    unclean: str = ""
    board: str = ""  # why the newest board was refused
    card: CheckResult | None = None  # how long it lasts
    certificate: CheckResult | None = None  # of a node that is known by one


def checks(view: NodeView, patients: Sequence[Patient]) -> list[CheckResult]:
    """All node checks, in a stable order."""
    own = [_journal(view.journal), session(view.session, view.now_ms, view.began_ms), delivery(view.session),
           *([view.certificate] if view.certificate else []), clock(view.clock)]  # fmt: skip
    own += [_disk(view.free_bytes), *([view.card] if view.card else []), _boot(view), _board(view)]
    return own + [patient.check(view.now_ms) for patient in patients]


def _journal(journal: JournalView) -> CheckResult:
    share = journal.used / journal.cap
    depth = f"{journal.backlog} readings wait for the office, {share:.0%} of the room is used"
    if journal.days_left is not None:
        depth += f", the rest lasts {journal.days_left} days"
    if journal.trouble:
        reason = f"{journal.trouble} {journal.waiting} readings are kept in memory meanwhile."
        return CheckResult("journal", State.BAD, reason, journal.remedy)
    if share > NEARLY_FULL:
        return CheckResult("journal", State.BAD, f"{depth}.", "See the checks named session and delivery.")
    if journal.oldest_ms > OLD_MS:
        reason = f"{depth}, the oldest for {duration(journal.oldest_ms)}."
        return CheckResult("journal", State.BAD, reason, "See the checks named session and delivery.")
    return CheckResult("journal", State.GOOD, f"{depth}.")


def _disk(free: int | None) -> CheckResult:
    if free is None:
        return CheckResult("disk", State.UNKNOWN, "The disk does not say how much is free.", "Look at: dmesg")
    reason = f"{free // 2**20} MiB are free."
    if free < LEAST_FREE:
        return CheckResult("disk", State.BAD, reason, "Make room: df -h")
    return CheckResult("disk", State.GOOD, reason)


def _boot(view: NodeView) -> CheckResult:
    if view.unclean and view.now_ms - view.began_ms < FRESH_START_MS:
        reason = f"The run before this one ended uncleanly: {view.unclean}."
        return CheckResult("boot", State.BAD, reason, "If it goes on, check the power supply and: journalctl -u edge")
    return CheckResult("boot", State.GOOD, f"Running for {duration(view.now_ms - view.began_ms)}.")


def _board(view: NodeView) -> CheckResult:
    if view.board:
        return CheckResult("board", State.BAD, f"The newest board was refused: {view.board}", "Run: edge check")
    return CheckResult("board", State.GOOD, "The board is in use as written.")
