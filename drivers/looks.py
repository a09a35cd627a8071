"""What a window of looks at a stream is worth: whether there were any, whether some are missing, whether it lives.

Radars and lidars talk many times a second, whether anybody is there or not. A window without a single look knows
nothing, and must not say zero; one with a hole says what it saw and that it is not all (STALE). And a device whose
firmware hangs goes on repeating its last frame: what looks at the world trembles in its last digit, so bytes that
have not changed at all for long enough come from a device that looks no more (STUCK).
"""

from __future__ import annotations

from drivers.reading import Flag

MICRO = 1_000_000


class Looks:
    """The looks of one window after another, by time and by their bytes."""

    def __init__(self, gap_s: float, frozen_s: float) -> None:
        self._gap_us, self._frozen_us = gap_s * MICRO, frozen_s * MICRO
        self._raw = b""
        self._same_us = 0  # since when the bytes are these
        self._last_us: int | None = None
        self._began_us: int | None = None  # the window; None before the first look
        self._seen = self._holed = self._froze = False
        self._open = False  # looks were missing, and none has come since

    def look(self, at_us: int, raw: bytes) -> Flag:
        """One look, in the order of time; STUCK when it has said the same for too long. Empty bytes may stand still."""
        before_us = self._began_us if self._last_us is None else self._last_us
        gap = before_us is not None and at_us - before_us > self._gap_us
        self._holed = self._holed or gap
        if raw != self._raw or not raw or gap:
            self._raw, self._same_us = raw, at_us
        self._last_us, self._seen, self._open = at_us, True, False
        self._froze = at_us - self._same_us > self._frozen_us
        return Flag.STUCK if self._froze else Flag.NONE

    def lost(self) -> None:
        """Looks are missing; until the next one comes that is so for every window that begins meanwhile."""
        self._holed = self._open = True

    def close(self, at_us: int) -> Flag | None:
        """End a window: what is doubtful of it; None when nothing was looked at."""
        late = self._last_us is not None and at_us - self._last_us > self._gap_us
        flags = (Flag.STALE if self._holed or late else Flag.NONE) | (Flag.STUCK if self._froze else Flag.NONE)
        seen, self._seen = self._seen, False
        self._holed, self._began_us = late or self._open, at_us
        return flags if seen else None
