"""How the journal stands, for `edge status` and for health: plain facts, no judgement."""

from __future__ import annotations

from edge.journal.journal import Journal


def describe(journal: Journal, days_left: int | None = None) -> dict[str, int | None]:
    """Bytes, readings and seqs. `days_left`: until it is full when nothing is acked; None as long as nobody knows."""
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
        "bytes_written": journal.bytes_written,
        "syncs": journal.syncs,
        "days_left": days_left,
    }
