"""How the journal stands, for `edge status` and for health: plain facts, no judgement."""

from __future__ import annotations

from edge.journal.journal import Journal


def describe(journal: Journal) -> dict[str, int | None]:
    """Bytes, readings and seqs. `days_left` is None as long as nobody knows the board's rate."""
    return {
        "used_bytes": journal.used_bytes,
        "cap_bytes": journal.cap_bytes,
        "disk_bytes": journal.disk_bytes,
        "backlog_readings": journal.backlog_readings,
        "total_readings": journal.total_readings,
        "epoch": journal.epoch,
        "acked": journal.acked,
        "lowest": journal.lowest,
        "next": journal.next,
        "gaps_to_write": len(journal.gaps_to_write),
        "days_left": None,
    }
