"""Trouble with the journal, told in three parts: what happened, how things stand now, the next command.

The journal never lets a bare `OSError` out: whoever appends has to know that nothing of that commit counts as stored,
and whoever stands at the pole has to know what to do.
"""

from __future__ import annotations

import errno


class JournalError(Exception):
    """`what` happened, how things `stand` now, and the `remedy`: the next command. Nothing of the call was stored."""

    def __init__(self, what: str, stand: str, remedy: str) -> None:
        super().__init__(f"{what} {stand} {remedy}")
        self.what = what
        self.stand = stand
        self.remedy = remedy


class JournalBusy(JournalError):
    """Another process writes this journal."""


REMEDIES = {
    errno.ENOSPC: "Make room on that disk (`df -h` shows it).",
    errno.EDQUOT: "Make room on that disk (`df -h` shows it).",
    errno.EROFS: "The disk is mounted read-only: see `dmesg`, then `sudo mount -o remount,rw` its mount point.",
    errno.EBUSY: "Stop that process, or the agent: `systemctl status edge`.",
    errno.EACCES: "Give the folder to the user that runs `edge run` (`ls -ld` shows its owner).",
    errno.EPERM: "Give the folder to the user that runs `edge run` (`ls -ld` shows its owner).",
}
WORN = "See `dmesg` for the disk's own words; a card that does this is worn and wants replacing."
KEPT = "Everything committed before is kept."
NOT_STORED = "Nothing of this commit was stored; everything committed before is kept."


def from_disk(doing: str, error: OSError, stand: str = KEPT) -> JournalError:
    """The journal's sentence for what the disk said while `doing` something."""
    reason = error.strerror or str(error)
    return JournalError(f"The disk failed while {doing}: {reason}.", stand, REMEDIES.get(error.errno or 0, WORN))
