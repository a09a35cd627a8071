"""What the checks look at: the journal and the way to the office as they stand, put into plain views."""

from __future__ import annotations

from edge.commits import Commits
from edge.courier import Courier
from edge.health import JournalView, SessionView
from edge.journal.disk import Disk
from edge.office import OfficeError


def journal_view(commits: Commits, now_ms: int, days_left: int | None) -> JournalView:
    """The journal, and what it last refused."""
    journal, trouble = commits.journal, commits.trouble
    words = (trouble.what, trouble.remedy) if trouble else ("", "")
    if journal is None:
        return JournalView(*words, commits.waiting)
    return JournalView(*words, commits.waiting, journal.backlog_readings, journal.used_bytes, journal.cap_bytes,
                       commits.oldest_ms(now_ms), days_left)  # fmt: skip


def no_session(wanted: bool, trouble: OfficeError | None) -> SessionView:
    """There is no way to an office: none is `wanted`, or there is `trouble` with it."""
    return SessionView(wanted, trouble.what if trouble else "", trouble.remedy if trouble else "")


def session_view(courier: Courier, now_ms: int) -> SessionView:
    """The way to the office."""
    uplink = courier.uplink
    since_ms, allowance = uplink.outbox.unanswered_ms, uplink.outbox.allowance
    return SessionView(True, "", "", uplink.connected, uplink.phase_since_ms, uplink.reason, uplink.cause,
                       None if since_ms is None else now_ms - since_ms, uplink.broker, uplink.answered,
                       allowance.live_wait_ms(now_ms) is not None)  # fmt: skip


def free_bytes(disk: Disk) -> int | None:
    """Of the journal's disk; None when it does not say."""
    try:
        return disk.free_bytes()
    except OSError:
        return None
